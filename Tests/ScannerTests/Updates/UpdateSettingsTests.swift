import Testing

@testable import Scanner

@Suite struct UpdateSettingsTests {
    private func settings(mirror: String = "", isPrivate: Bool = false, urls: String = "", proxy: String = "") -> UpdateSettings {
        UpdateSettings(directory: "own", mirror: mirror, isPrivateMirror: isPrivate, urls: urls, proxy: proxy, checksADay: 12)
    }

    @Test(arguments: [
        ("database.clamav.net", ["https://database.clamav.net"]), ("", []), (" , ", []),
        ("a.example, HTTP://b.example:8080/clamav//", ["https://a.example", "http://b.example:8080/clamav"]),
        ("[::1]:8080", ["https://[::1]:8080"]), ("http://anna:secret@c.example", ["http://anna:secret@c.example"]),
    ])
    func mirrors(_ text: String, _ urls: [String]) {
        #expect(settings(mirror: text).mirrors == urls)
        #expect(settings(mirror: text).problems == [])
    }

    @Test(arguments: [
        ("ftp://a.example", "ftp://a.example"), ("a b", "a b"), ("http://", "http://"), ("http://x:secret@", "http://"),
        ("https://a.example/?x=1", "https://a.example/?x=1"),
    ])
    func mirrorsThatAreNone(_ text: String, _ shown: String) {
        #expect(settings(mirror: text).mirrors == [])
        #expect(settings(mirror: text).problems == [UpdateFailure(.badMirror, shown)])
    }

    @Test func clamAVsOwnServersAreNobodysPrivateMirror() {
        #expect(settings(mirror: "database.clamav.net", isPrivate: true).sources == [])
        #expect(settings(mirror: "https://db.local.ClamAV.net:443", isPrivate: true).problems.map(\.kind) == [.badMirror])
        #expect(settings(mirror: "clamav.example", isPrivate: true).sources == [.mirror])
    }

    @Test func urlsOfDatabases() {
        let good = settings(urls: "https://a.example/x/own.hdb,file:///srv/more.ndb, HTTP://u:p@b.example/third.cvd")
        #expect(good.urls.map(\.file) == ["own.hdb", "more.ndb", "third.cvd"])
        #expect(good.sources.map(\.name) == ["https://a.example/x/own.hdb", "file:///srv/more.ndb", "http://b.example/third.cvd"])
        for bad in [
            "own.hdb", "ftp://a.example/own.hdb", "https://a.example/", "https://a.example/own", "https://a.example/own.exe",
            "https://a.example/.hdb", "https://a.example/own.hdb?x=1", "https://a.example/daily.cvd", "https://a.example/main.hdb",
            "https://a.example/safebrowsing.cld", "https://a.example/x.ign2", "https://a.example/updates.json", "https://own.hdb",
            "https://a.example/..hdb/..", "https://a.example/o%2Fwn.hdb", "file://own.hdb", "https://a.example/ñ.hdb",
            "https://a.example/" + String(repeating: "a", count: 100) + ".hdb",
        ] {
            #expect(settings(urls: bad).urls == [], "\(bad)")
            #expect(settings(urls: bad).problems.map(\.kind) == [.badURL], "\(bad)")
        }
        // Two of one name would replace each other.
        let twice = settings(urls: "https://a.example/own.hdb, https://b.example/own.hdb")
        #expect(twice.urls.map(\.url) == ["https://a.example/own.hdb"])
        #expect(twice.problems == [UpdateFailure(.badURL, "https://b.example/own.hdb")])
    }

    @Test func proxies() {
        let named = UpdateProxy("http://anna:p%40ss:w%25@proxy.example:3128/")
        #expect(named?.host == "proxy.example" && named?.port == 3128 && named?.user == "anna" && named?.password == "p@ss:w%")
        #expect(named.map { "\($0)" } == "http://…@proxy.example:3128")
        #expect(UpdateProxy("http://[::1]:8080")?.host == "[::1]")
        for bad in [
            "proxy.example:3128", "https://proxy.example:3128", "http://proxy.example", "http://proxy.example:0", "http://:80",
            "http://proxy.example:99999", "http://@proxy.example:1", "http://a%zz:b@proxy.example:1", "http://a%0d:b@proxy.example:1",
            "http://pr oxy:1", "http://a/b:1", "http://::1:80",
        ] {
            #expect(UpdateProxy(bad) == nil, "\(bad)")
        }
    }

    /// Who has a proxy may not be allowed to go without.
    @Test func nothingGoesAroundAProxy() {
        let wrong = settings(mirror: "a.example", proxy: "proxy.example")
        #expect(wrong.sources == [])
        #expect(wrong.problems == [UpdateFailure(.badProxy)])
    }

    @Test func anotherProgramsDirectory() {
        let other = UpdateSettings(
            directory: "/var/lib/clamav", mirror: "a.example", isPrivateMirror: false, urls: "", proxy: "", checksADay: 12)
        #expect(!other.isOwn && other.sources == [])
    }

    @Test func fingerprintsChangeWithWhatMatters() {
        let settings = settings(mirror: "a.example", urls: "https://b.example/own.hdb", proxy: "http://u:p@c.example:1")
        let mirror = settings.fingerprint(.mirror)
        let url = settings.fingerprint(settings.sources[1])
        #expect(mirror != url)
        var other = settings
        other.checksADay = 3
        other.mirrors = ["https://a.example"]
        #expect(other.fingerprint(.mirror) == mirror)
        other.isPrivateMirror = true
        #expect(other.fingerprint(.mirror) != mirror)
        #expect(other.fingerprint(other.sources[1]) == url)
        other.proxy = UpdateProxy("http://u:q@c.example:1")
        #expect(other.fingerprint(other.sources[1]) != url)
    }
}
