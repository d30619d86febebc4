import Dialogue
import Mail
import MailTesting
import POP3
import Testing

struct MaildropSessionTests {
    @Test(arguments: try Dialog.all(beside: #filePath))
    func dialog(_ dialog: Dialog) {
        #expect(dialog.play(session: Outside.session(for:), world: Outside.world(for:)).isEmpty)
    }

    /// What a client makes of the response is the message, whichever line ends the client goes by.
    @Test(arguments: [
        "", "x", "x\r\n", ".\r\n", "..\r\n.\r\n", "a\n.\nb\n", "a\n.\r\nb", "a\r\n.b\r", "\r\n.\r\n", ".", "a\r\n\r", "a\n",
    ])
    func sentMessagesComeBack(message: String) {
        let bytes = Array(message.utf8)
        for piece in 1...max(1, bytes.count) {
            var limits = Limits()
            limits.read = piece
            let heard = Outside.converse("USER u\r\nPASS p\r\nRETR 1\r\nNOOP\r\n", messages: [bytes], limits: limits)
            let said = Array(heard.utf8)
            guard let status = said.firstRange(of: Array("+OK \(bytes.count) octets\r\n".utf8)) else {
                Issue.record("no +OK")
                continue
            }
            let response = said[status.upperBound...]
            var lines = response.split(separator: 0x0A, omittingEmptySubsequences: false).map { Array($0) + [0x0A] }
            // Lines of a client that splits at LF, as Python's poplib does.
            let end = lines.firstIndex(of: Array(".\r\n".utf8))
            #expect(end == lines.count - 3)
            lines.removeSubrange((end ?? 0)...)
            let read = lines.flatMap { $0.first == UInt8(ascii: ".") ? Array($0.dropFirst()) : $0 }
            #expect(read == bytes + (message.isEmpty || bytes.suffix(2).elementsEqual([13, 10]) ? [] : [13, 10]))
        }
    }

    @Test func readsAreBounded() {
        let message = [UInt8](repeating: UInt8(ascii: "x"), count: 1_000_000)
        var ranges: [Range<Int>] = []
        _ = Outside.converse("USER u\r\nPASS p\r\nRETR 1\r\n", messages: [message]) { ranges.append($0) }
        #expect(ranges.allSatisfy { $0.count <= 65_536 })
        #expect(ranges.map(\.count).reduce(0, +) == message.count)
    }

    @Test func topReadsNoMoreThanItNeeds() {
        let message = Array("Subject: x\r\n\r\n".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 1_000_000)
        var ranges: [Range<Int>] = []
        let heard = Outside.converse("USER u\r\nPASS p\r\nTOP 1 0\r\n", messages: [message]) { ranges.append($0) }
        #expect(ranges == [0..<16_384])
        #expect(heard.hasSuffix("octets\r\nSubject: x\r\n\r\n.\r\n"))
    }

    @Test func longListsComeInPieces() {
        let messages = Array(repeating: Array("x\r\n".utf8), count: 20_000)
        var largest = 0
        var session = Outside.session(Configuration(), isLoopback: true)
        var heard = ""
        Outside.drive(&session, "USER u\r\nPASS p\r\nLIST\r\n", world: Outside.world(messages: messages)) { bytes in
            largest = max(largest, bytes.count)
            heard += String(decoding: bytes, as: UTF8.self)
        }
        #expect(largest < 65_536)
        #expect(heard.hasSuffix("\r\n19999 3\r\n20000 3\r\n.\r\n"))
    }

    private typealias Configuration = MaildropSession.Configuration
}
