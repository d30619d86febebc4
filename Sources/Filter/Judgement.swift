/// What the sender is told of a message whose recipients may disagree.
///
/// There is one answer for all, and each recipient still gets what his policy says:
///
/// - 250 as soon as one recipient's policy takes the message off the sender's hands: delivered (pass, junk), held (quarantine) or thrown
///   away (discard). Nobody is refused then by the answer: for whom the policy says reject or bounce, a report goes to a sender whose
///   identity is known (a login of ours), and for any other the message is kept in quarantine and its trace says that the sender
///   does not know: a report would go to whoever's address was forged.
/// - Refused, if every policy says so.
package enum Judgement: Sendable, Equatable {
    case accepted
    /// For the recipients whose fate is `reject`, or `bounce` where nobody can be sent a report.
    case refused

    /// `destinies` of all recipients; `knowsSender`: a report reaches who sent it.
    package init(_ destinies: some Sequence<Destiny>, knowsSender: Bool) {
        var isRefused: Bool?
        for destiny in destinies {
            let refuses = destiny == .reject || destiny == .bounce && !knowsSender
            isRefused = (isRefused ?? true) && refuses
        }
        self = isRefused == true ? .refused : .accepted
    }
}
