import CSASL
import Dialogue
import Foundation
import Testing

@testable import SASL

@Suite struct SASLLibraryTests {
    @Test func whatItHas() throws {
        #expect(
            try SASLLibrary.load().names == [
                "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS",
            ])
    }

    @Test(arguments: [
        ("/usr/lib/x86_64-linux-gnu/sasl2/libplain.so.2", true), ("/usr/lib/sasl2/libscram.so.2.0.25", true), ("libplain.so", true),
        ("/usr/lib/sasl2/libsasldb.so", false), ("/usr/lib/sasl2/libntlm.so.2", false), ("/usr/lib/sasl2/libanonymous.so", false),
        ("/usr/lib/sasl2/libplain.conf", false), ("/etc/sasl2/libplain.so/x", false), ("", false), ("libplain", false),
    ])
    func pluginsByName(path: String, isAdmitted: Bool) {
        #expect(Options.admits(path) == isAdmitted)
    }

    /// No file is a configuration of ours, whatever its name; the callback itself is asked, as the library asks it.
    @Test func noConfigurationFileIsRead() throws {
        let callback = unsafeBitCast(
            try #require(globalCallbacks[2].proc),
            to: (@convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, sasl_verify_type_t) -> CInt).self)
        for kind in [SASL_VRFY_CONF, SASL_VRFY_PASSWD, SASL_VRFY_OTHER] {
            #expect(callback(nil, "/etc/sasl2/libplain.so.conf", kind) == SASL_CONTINUE)
            #expect(callback(nil, "/etc/sasl2/buzon.conf", kind) == SASL_CONTINUE)
        }
        #expect(callback(nil, "/usr/lib/sasl2/libplain.so", SASL_VRFY_PLUGIN) == SASL_OK)
        #expect(callback(nil, nil, SASL_VRFY_PLUGIN) == SASL_CONTINUE)
    }

    /// Not where SASL_PATH says.
    @Test func pluginsLieBesideTheLibrary() throws {
        #expect(globalCallbacks[3].id == UInt(SASL_CB_GETPATH))
        let callback = unsafeBitCast(
            try #require(globalCallbacks[3].proc),
            to: (@convention(c) (UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafePointer<CChar>?>?) -> CInt).self)
        var path: UnsafePointer<CChar>?
        #expect(callback(nil, &path) == SASL_OK)
        let folder = try #require(path.map { String(cString: $0) })
        #expect(folder.hasSuffix("/sasl2"))
        #expect(FileManager.default.fileExists(atPath: folder + "/libscram.so"), "\(folder)")
    }

    @Test func optionsAreOurs() throws {
        let callback = unsafeBitCast(
            try #require(globalCallbacks[0].proc),
            to: (@convention(c) (
                UnsafeMutableRawPointer?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafeMutablePointer<UnsafePointer<CChar>?>?,
                UnsafeMutablePointer<UInt32>?
            ) -> CInt).self)
        var value: UnsafePointer<CChar>?
        #expect(callback(nil, nil, "pwcheck_method", &value, nil) == SASL_OK)
        #expect(value.map { String(cString: $0) } == "none")
        #expect(callback(nil, "DIGEST-MD5", "reauth_timeout", &value, nil) == SASL_OK)
        #expect(callback(nil, nil, "saslauthd_path", &value, nil) == SASL_FAIL)
        #expect(callback(nil, nil, "log_level", &value, nil) == SASL_FAIL)
    }
}
