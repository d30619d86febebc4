import Credentials

/// Where a delivered body went, as the segment itself remembers it: a restore finds the folder by this.
struct Route: Sendable, Equatable {
    var user: String
    var folder: String
}

/// A record's header in a segment. Little-endian:
///
///     0 magic (8)  8 version  9 kind  10 zero (2)  12 header length (4)  16 body id (8)  24 payload length (8)
///     32 payload's checksum (16)  48 commit number (8)  56 date (8)  64 routes (4)  68 zero (4)
///     72 routes: length (2) user, length (2) folder …  then the header's own checksum (16)
///
/// The payload follows, then zeros up to a multiple of 8. Checksums are SHA-256 cut to 16 bytes: the processor does it at
/// 1.5 GB/s, no table of our own is needed, and it also finds what was changed on purpose.
struct RecordHeader: Sendable, Equatable {
    static let magic: [UInt8] = [0x89, 0x42, 0x55, 0x5A, 0x4E, 0x0D, 0x0A, 0x1A]
    static let version: UInt8 = 1
    static let alignment = 8
    static let checksumLength = 16
    static let fixedLength = 72
    /// 72 + 16, and what 10,000 recipients with long names need.
    static let maximumLength = 8 << 20

    enum Kind: UInt8, Sendable { case body = 1 }

    /// Of the header itself, checksum included. 0 until it is encoded or decoded.
    var length = 0
    var kind = Kind.body
    var bodyID: Int64
    var payloadLength: Int
    var checksum: [UInt8]
    var commit: Int64
    var date: Int64
    var routes: [Route]

    /// Bytes that the record takes in its segment.
    var recordLength: Int { Self.aligned(length + payloadLength) }

    static func aligned(_ length: Int) -> Int { (length + alignment - 1) & ~(alignment - 1) }

    /// As bytes; sets `length`.
    mutating func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.fixedLength + Self.checksumLength + routes.count * 64)
        bytes += Self.magic
        bytes += [Self.version, kind.rawValue, 0, 0]
        let names = routes.map { (Array($0.user.utf8.prefix(0xFFFF)), Array($0.folder.utf8.prefix(0xFFFF))) }
        length = Self.fixedLength + names.reduce(0) { $0 + 4 + $1.0.count + $1.1.count } + Self.checksumLength
        bytes.append(littleEndian: UInt32(clamping: length))
        bytes.append(littleEndian: UInt64(bitPattern: bodyID))
        bytes.append(littleEndian: UInt64(payloadLength))
        bytes += checksum.prefix(Self.checksumLength)
        bytes.append(littleEndian: UInt64(bitPattern: commit))
        bytes.append(littleEndian: UInt64(bitPattern: date))
        bytes.append(littleEndian: UInt32(clamping: routes.count))
        bytes.append(littleEndian: UInt32(0))
        for (user, folder) in names {
            bytes.append(littleEndian: UInt16(user.count))
            bytes += user
            bytes.append(littleEndian: UInt16(folder.count))
            bytes += folder
        }
        bytes += sha256(bytes).prefix(Self.checksumLength)
        return bytes
    }

    /// The header's length as the first `fixedLength` bytes claim it; nil when this is no header at all.
    static func claimedLength(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= fixedLength, bytes.prefix(8).elementsEqual(magic), bytes[8] == version else { return nil }
        let length = Int(bytes.littleEndian(UInt32.self, at: 12))
        return (fixedLength + checksumLength...maximumLength).contains(length) ? length : nil
    }

    /// From the whole header; nil when it is damaged or of another kind.
    init?(decoding bytes: [UInt8]) {
        guard let length = bytes.withUnsafeBytes({ Self.claimedLength($0) }), bytes.count >= length else { return nil }
        let checksumStart = length - Self.checksumLength
        let sum = bytes.withUnsafeBytes { sha256(UnsafeRawBufferPointer(rebasing: $0[..<checksumStart])) }
        guard sum.prefix(Self.checksumLength).elementsEqual(bytes[checksumStart..<length]), let kind = Kind(rawValue: bytes[9])
        else { return nil }
        let fields = bytes.withUnsafeBytes { raw in
            (
                raw.littleEndian(UInt64.self, at: 16), raw.littleEndian(UInt64.self, at: 24), raw.littleEndian(UInt64.self, at: 48),
                raw.littleEndian(UInt64.self, at: 56), Int(raw.littleEndian(UInt32.self, at: 64))
            )
        }
        guard let payloadLength = Int(exactly: fields.1), payloadLength <= 1 << 40 else { return nil }
        self.length = length
        self.kind = kind
        bodyID = Int64(bitPattern: fields.0)
        self.payloadLength = payloadLength
        checksum = Array(bytes[32..<48])
        commit = Int64(bitPattern: fields.2)
        date = Int64(bitPattern: fields.3)
        routes = []
        var position = Self.fixedLength
        func name() -> String? {
            guard position + 2 <= checksumStart else { return nil }
            let count = Int(bytes[position]) | Int(bytes[position + 1]) << 8
            guard position + 2 + count <= checksumStart else { return nil }
            defer { position += 2 + count }
            return String(decoding: bytes[position + 2..<position + 2 + count], as: UTF8.self)
        }
        for _ in 0..<fields.4 {
            guard let user = name(), let folder = name() else { return nil }
            routes.append(Route(user: user, folder: folder))
        }
    }

    init(bodyID: Int64, payloadLength: Int, checksum: [UInt8], commit: Int64, date: Int64, routes: [Route]) {
        self.bodyID = bodyID
        self.payloadLength = payloadLength
        self.checksum = checksum
        self.commit = commit
        self.date = date
        self.routes = routes
    }
}

extension [UInt8] {
    fileprivate mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func littleEndian<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
        Number(littleEndian: loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}
