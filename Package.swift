// swift-tools-version: 6.2
import Foundation
import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

/// A module under Sources. `uses` is all that it may import: SwiftPM refuses the rest.
func module(_ name: String, _ uses: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: uses, swiftSettings: settings)
}

/// The tests of a module. Dialogs and seeds are read from their place in the source tree.
func tests(_ name: String, _ uses: [Target.Dependency]) -> Target {
    let path = "Tests/\(name)Tests"
    let data = ["Dialogs", "Seeds"].filter { FileManager.default.fileExists(atPath: Context.packageDirectory + "/" + path + "/" + $0) }
    return .testTarget(
        name: name + "Tests", dependencies: [.byName(name: name)] + uses, path: path, exclude: data, swiftSettings: settings)
}

let package = Package(
    name: "buzon",
    products: [.executable(name: "buzon", targets: ["buzon"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // Over C.
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CIDN", pkgConfig: "libidn", providers: [.apt(["libidn-dev"])]),
        .systemLibrary(name: "CIDN2", pkgConfig: "libidn2", providers: [.apt(["libidn2-dev"])]),
        .systemLibrary(name: "CSASL", pkgConfig: "libsasl2", providers: [.apt(["libsasl2-dev"])]),
        // No pkgConfig: libunbound.pc asks for the development files of what the library itself is built from.
        .systemLibrary(name: "CUnbound", providers: [.apt(["libunbound-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        .systemLibrary(name: "CMspack", pkgConfig: "libmspack", providers: [.apt(["libmspack-dev"])]),
        // No pkgConfig: libfreshclam has none of its own.
        .systemLibrary(name: "CClamAV", providers: [.apt(["libclamav-dev"])]),
        .systemLibrary(name: "CSeccomp", pkgConfig: "libseccomp", providers: [.apt(["libseccomp-dev"])]),
        .target(name: "CEmbedded", cSettings: [.headerSearchPath("../../data")]),

        // Pure: no sockets, no clock, no database, no NIO.
        module("Dialogue"),
        module("Resolution"),
        module("Mail", ["CIDN2"]),
        module("SMTP", ["Dialogue", "Mail"]),
        module("POP3", ["Dialogue", "Mail"]),
        module("IMAP", ["Dialogue", "Mail"]),
        module("Filter", ["Mail"]),

        // State and flow.
        module("Credentials", ["COpenSSL", "CCrypt", "CIDN"]),
        module("Store", ["Mail", "Filter", "Credentials", "COpenSSL", "CEmbedded", .product(name: "GRDB", package: "GRDB.swift")]),
        module("Flow", ["Dialogue", "Resolution", "Mail", "SMTP", "POP3", "IMAP", "Filter", "Credentials", "Store"]),

        // Edge: one thin module over each C library, then what meets the network.
        module("TLS", ["Dialogue", "Resolution", "COpenSSL", .product(name: "NIOCore", package: "swift-nio")]),
        module("SASL", ["Dialogue", "CSASL"]),
        module("DNS", ["Resolution", "CUnbound"]),
        module("HTTPS", ["CCurl"]),
        module("Archives", ["Mail", "Filter", "CArchive", "CMspack"]),
        module("Scanner", ["Mail", "Filter", "Archives", "CClamAV", "CSeccomp"]),
        module(
            "Network",
            [
                "Dialogue", "Resolution", "Mail", "SMTP", "TLS", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ]),
        .executableTarget(
            name: "buzon",
            dependencies: [
                "Dialogue", "Resolution", "Mail", "SMTP", "POP3", "IMAP", "Filter", "Credentials", "Store", "Flow", "TLS", "SASL", "DNS",
                "HTTPS", "Archives", "Scanner", "Network", "CEmbedded",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings),

        // For measuring only: appliance/bench store.
        .executableTarget(
            name: "buzon-bench", dependencies: ["Mail", "Store", "Filter", "Archives", "Scanner", "CClamAV"], swiftSettings: settings),

        // For tests only.
        module("MailTesting", ["Dialogue", "Mail", "SMTP", "POP3", "IMAP", "CArchive"]),
        tests("Resolution", []),
        tests("Mail", []),
        tests("SMTP", ["Dialogue", "Mail", "MailTesting"]),
        tests("POP3", ["Dialogue", "Mail", "MailTesting"]),
        tests("IMAP", ["Dialogue", "Mail", "MailTesting"]),
        tests("MailTesting", ["Dialogue"]),
        tests("Filter", ["Mail"]),
        tests("Archives", ["Mail", "Filter", "MailTesting", "CArchive"]),
        tests("Scanner", ["Mail", "Filter", "Archives", "MailTesting", "CClamAV"]),
        tests("Credentials", []),
        tests("Store", ["Mail", "Filter", "Credentials"]),
        tests("Flow", ["Dialogue", "Resolution", "Mail", "SMTP", "Filter", "Store", "Credentials", "SASL"]),
        tests(
            "TLS",
            [
                "Dialogue", "Resolution", "COpenSSL", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests("SASL", ["Dialogue", "Credentials", "CSASL"]),
        tests("DNS", ["Resolution", "MailTesting"]),
        tests("HTTPS", []),
        tests(
            "Network",
            [
                "Dialogue", "Resolution", "SMTP", "TLS", "MailTesting", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        tests(
            "buzon",
            [
                "Dialogue", "Resolution", "Mail", "SMTP", "Filter", "Store", "Flow", "TLS", "DNS", "HTTPS", "Archives", "Scanner",
                "Network", "MailTesting",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ]),
    ]
)
// plan
