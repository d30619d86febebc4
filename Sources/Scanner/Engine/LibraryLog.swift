import CClamAV
import Glibc
import Synchronization

/// libclamav's own messages. It has one callback for the whole process.
package enum LibraryLog {
    /// Lines that are let through in a minute: a mail can provoke as many as it likes.
    static let linesEachMinute = 20
    private static let longest = 400

    private struct State: Sendable {
        var sink: (@Sendable (String) -> Void)?
        var minute = 0
        var lines = 0
        var withheld = 0
    }

    private static let state = Mutex(State())

    /// Where messages go from now on; nil: nowhere.
    package static func send(to sink: (@Sendable (String) -> Void)?) {
        state.withLock { $0.sink = sink }
    }

    static func install() {
        cl_set_clcb_msg { severity, _, message, _ in
            // Hints for whoever watches a terminal are not for a log.
            guard severity != CL_MSG_INFO_VERBOSE, let message, !IsolatedThread.isCurrent else { return }
            LibraryLog.write(UnsafeRawBufferPointer(start: message, count: min(strlen(message), LibraryLog.longest)))
        }
    }

    static func write(_ message: UnsafeRawBufferPointer, minute: Int = time(nil) / 60) {
        let (sink, lines) = state.withLock { state -> ((@Sendable (String) -> Void)?, [String]) in
            guard let sink = state.sink else { return (nil, []) }
            var lines: [String] = []
            if state.minute != minute {
                if state.withheld > 0 { lines.append("libclamav: \(state.withheld) more messages were left out") }
                state.minute = minute
                state.lines = 0
                state.withheld = 0
            }
            guard state.lines < linesEachMinute else {
                state.withheld += 1
                return (sink, lines)
            }
            state.lines += 1
            lines.append("libclamav: " + clean(String(decoding: message, as: UTF8.self)))
            return (sink, lines)
        }
        if let sink { for line in lines { sink(line) } }
    }

    /// One line without control characters: file names of strangers are part of messages.
    static func clean(_ text: String) -> String {
        let visible = text.unicodeScalars.map { $0.value < 32 || (127...159).contains($0.value) ? " " : Character($0) }
        var line = String(visible)
        while line.last == " " { line.removeLast() }
        return line
    }
}
