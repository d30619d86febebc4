/// What a refusal is about.
enum Subject {
    case nothing
    /// A command's argument, and of RCPT the path in it.
    case argument(ArraySlice<UInt8>, ForwardPath? = nil)
    /// The message for the recipients that were accepted.
    case content

    /// For the trace: without control characters, cut between characters.
    var text: String {
        guard case .argument(let argument, _) = self else { return "" }
        var text = ""
        var length = 0
        let piece = String(decoding: argument.prefix(RefusalNote.subjectLimit * 2), as: UTF8.self)
        for scalar in piece.unicodeScalars where !(scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)) {
            length += UTF8.width(scalar)
            if length > RefusalNote.subjectLimit { break }
            text.unicodeScalars.append(scalar)
        }
        return text
    }
}
