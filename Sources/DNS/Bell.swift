internal import Glibc

/// Wakes a thread in poll(2).
final class Bell: Sendable {
    let reading: CInt
    private let writing: CInt

    init?() {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else { return nil }
        (reading, writing) = (ends[0], ends[1])
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
    }

    deinit {
        close(reading)
        close(writing)
    }

    /// From any thread. A full pipe has rung already.
    func ring() {
        var byte: UInt8 = 0
        _ = write(writing, &byte, 1)
    }

    func silence() {
        var bytes: (UInt64, UInt64) = (0, 0)
        while read(reading, &bytes, 16) > 0 {}
    }
}
