import Mail

extension MaildropSession {
    package mutating func resume(_ answer: Answer) {
        let question = awaited
        awaited = .nothing
        switch question {
        case .nothing, .release, .cancellation: break
        case .open: resumeOpen(answer)
        case .authentication: resumeAuthentication(answer)
        case .read(let range): resumeRead(range, answer)
        case .update:
            if case .accepted = answer {
                say("+OK Bye")
            } else {
                // RFC 1939 §6: the messages are still there, and the lock goes all the same.
                say("-ERR \(Self.text(refusal(answer), or: "The marked messages could not be deleted"))")
            }
            // The lock went with the answer.
            close()
        }
    }

    private mutating func resumeOpen(_ answer: Answer) {
        switch answer {
        case .opened(let messages):
            let maildrop = Maildrop(messages)
            state = .transaction(maildrop)
            say("+OK \(maildrop.count) messages (\(maildrop.size) octets)")
        case .refused, .accepted, .authentication, .bytes:
            say("-ERR \(Self.text(refusal(answer), or: "The maildrop cannot be opened now"))")
            countFailedLogin()
        }
    }

    mutating func countFailedLogin() {
        failedLogins += 1
        if failedLogins >= configuration.limits.failedLogins { close() }
    }

    mutating func resumeRead(_ range: Range<Int>, _ answer: Answer) {
        guard case .sending(let maildrop, var sending) = state else { return }
        guard case .bytes(let bytes) = answer, bytes.count == range.count else {
            if sending.offset == 0 {
                state = .transaction(maildrop)
                say("-ERR \(Self.text(refusal(answer), or: "The message cannot be read"))")
            } else {
                // The client waits for the rest: only a lost connection tells it that there is none.
                release()
                close()
            }
            return
        }
        var output: [UInt8] = []
        if sending.offset == 0 { output += "+OK \(sending.message.body.size) octets\r\n".utf8 }
        sending.writer.write(bytes, to: &output)
        sending.offset = range.upperBound
        if sending.writer.isDone || sending.offset >= sending.message.body.size {
            sending.writer.finish(to: &output)
            state = .transaction(maildrop)
        } else {
            state = .sending(maildrop, sending)
        }
        acts.append(.say(output))
    }

    private func refusal(_ answer: Answer) -> Refusal {
        if case .refused(let refusal) = answer { refusal } else { .temporary }
    }

    /// With its response code (RFC 2449 §8, RFC 3206 §4).
    static func text(_ refusal: Refusal, or text: String) -> String {
        switch refusal {
        case .authentication: "[AUTH] Wrong name or password"
        case .throttled: "[SYS/TEMP] Too many wrong passwords, try again later"
        case .inUse: "[IN-USE] Another session has this maildrop open"
        case .temporary: "[SYS/TEMP] \(text)"
        case .permanent: "[SYS/PERM] \(text)"
        }
    }
}
