import IMAP
import Testing

struct ModifiedUTF7Tests {
    @Test(arguments: [
        ("INBOX", "INBOX"), ("a&-b", "a&b"), ("&-", "&"), ("p&AOQA5A-", "pää"), ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
        ("Entw&APw-rfe", "Entwürfe"), ("&2D3cqQ-", "💩"), ("&AOQ-a&AOQ-", "äaä"), ("&Jjo-!", "☺!"), ("", ""),
    ])
    func `both ways`(_ wire: String, _ name: String) {
        #expect(ModifiedUTF7.decode(wire.utf8) == name)
        #expect(ModifiedUTF7.encode(name) == Array(wire.utf8))
    }

    /// RFC 3501 §5.1.3: superfluous base64, shifts without an end or a need, broken surrogates, bits left over, 8-bit bytes.
    @Test(arguments: [
        "&", "a&", "&AOQ", "&AGE-", "&AOQ-&AOQ-", "&2D0-", "&3Kk-", "&AOQ=-", "&AOR-", "&A-", "&AO-", "&AOQA-", "&!-", "ä", "a\u{7F}",
        "a\n",
    ])
    func `refused`(_ wire: String) {
        #expect(ModifiedUTF7.decode(wire.utf8) == nil)
    }
}
