internal import CUnbound

/// What libunbound answered, copied.
struct Answer: Sendable {
    enum Outcome: Sendable {
        /// Data of the records.
        case found([[UInt8]])
        case noData
        case noName
        case bogus(String)
        case failed(String)
    }

    var outcome: Outcome
    var isSecure = false
    /// Empty where libunbound names none.
    var canonicalName = ""
    var timeToLive = 0

    static func failed(_ reason: String) -> Answer { Answer(outcome: .failed(reason)) }
}

extension Answer {
    init(error: CInt, result: UnsafePointer<ub_result>?) {
        guard error == 0, let result = result?.pointee else {
            self = .failed(libraryText(error))
            return
        }
        outcome = Self.outcome(result)
        switch outcome {
        case .found, .noData, .noName:
            isSecure = result.secure != 0
            timeToLive = max(0, Int(result.ttl))
            if let name = result.canonname { canonicalName = Self.name(String(cString: name)) }
        case .bogus, .failed: break
        }
    }

    private static func outcome(_ result: ub_result) -> Outcome {
        if result.bogus != 0 { return .bogus(result.why_bogus.map { String(cString: $0) } ?? "") }
        // RFC 1035 §4.1.1 RCODE
        switch result.rcode {
        case 0: return result.havedata != 0 ? .found(records(result)) : .noData
        case 3: return .noName
        case 2: return .failed("SERVFAIL")
        case 5: return .failed("REFUSED")
        default: return .failed("RCODE \(result.rcode)")
        }
    }

    private static func records(_ result: ub_result) -> [[UInt8]] {
        var records: [[UInt8]] = []
        guard let data = result.data, let lengths = result.len else { return [] }
        while let record = data[records.count] {
            records.append(Array(UnsafeRawBufferPointer(start: record, count: Int(max(0, lengths[records.count])))))
        }
        return records
    }

    private static func name(_ name: String) -> String {
        let bytes = name.utf8.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
        return String(decoding: bytes.last == UInt8(ascii: ".") ? bytes.dropLast() : bytes[...], as: UTF8.self)
    }
}

func libraryText(_ error: CInt) -> String { ub_strerror(error).map { String(cString: $0) } ?? "libunbound \(error)" }
