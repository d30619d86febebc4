internal import Glibc

/// One conversion descriptor to UTF-8: opened for a call and closed behind it, so that no two threads ever share one.
struct Iconv: ~Copyable {
    private let descriptor: iconv_t

    init?(_ name: String) {
        // iconv_open says (iconv_t)-1 for a name that it does not know.
        guard let opened = iconv_open("UTF-8", name), Int(bitPattern: opened) != -1 else { return nil }
        descriptor = opened
    }

    deinit { iconv_close(descriptor) }

    func decode(_ bytes: ArraySlice<UInt8>, into output: inout [UInt8]) {
        var input = Array(bytes)
        var chunk = [CChar](repeating: 0, count: min(max(bytes.count * 2, 64), 16_384))
        input.withUnsafeMutableBytes { source in
            var from = source.baseAddress?.assumingMemoryBound(to: CChar.self)
            var left = source.count
            // The last round, without input, flushes what the converter holds back.
            var isFlushing = false
            while true {
                let (result, code) = chunk.withUnsafeMutableBytes { target -> (Int, CInt) in
                    var to = target.baseAddress?.assumingMemoryBound(to: CChar.self)
                    var room = target.count
                    let status = isFlushing ? iconv(descriptor, nil, nil, &to, &room) : iconv(descriptor, &from, &left, &to, &room)
                    let code = errno
                    output.append(contentsOf: target.prefix(target.count - room))
                    return (status, code)
                }
                if result != -1 {
                    if isFlushing { return }
                    isFlushing = true
                } else if code == E2BIG {
                    continue
                } else {
                    output += [0xEF, 0xBF, 0xBD]
                    // EINVAL: the bytes end within a character. Otherwise a byte that begins none.
                    guard !isFlushing, code == EILSEQ, left > 0 else { return }
                    from = from?.advanced(by: 1)
                    left -= 1
                }
            }
        }
    }
}
