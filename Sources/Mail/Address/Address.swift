/// One mailbox (RFC 5321 §4.1.2, RFC 6531 §3.3).
package struct Address: Hashable, Sendable {
    package var localPart: String
}
