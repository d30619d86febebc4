/// RFC 3501 §2.3.3: an instant, and the zone in which it was given.
package struct InternalDate: Hashable, Sendable {
    /// Seconds since 1970-01-01T00:00:00Z.
    package var seconds: Int64
    /// Minutes east of UTC, -1439 … 1439.
    package var zoneMinutes: Int16

    package init(seconds: Int64, zoneMinutes: Int16 = 0) {
        self.seconds = seconds
        self.zoneMinutes = zoneMinutes
    }
}
