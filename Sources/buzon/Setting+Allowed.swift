import Store

extension Setting {
    /// What values it takes, in words; nil: any.
    var allowed: String? {
        switch kind {
        case .text: nil
        case .line(let limit): text("settings.allowed.line", ["limit": limit])
        case .country: text("settings.allowed.country")
        case .integer(let range): text("settings.allowed.integer", ["least": range.lowerBound, "most": range.upperBound])
        case .bool: text("settings.allowed.bool")
        case .networks: text("settings.allowed.networks")
        case .separator: text("settings.allowed.separator")
        case .host: text("settings.allowed.host")
        case .address: text("settings.allowed.address")
        case .ipAddress: text("settings.allowed.ip-address")
        case .choice(let words): text("settings.allowed.choice", ["words": words.joined(separator: ", ")])
        case .directory: text("settings.allowed.directory")
        case .durations: text("settings.allowed.durations")
        }
    }

    /// What is wrong with a value that is none.
    func refused(_ value: String) -> String {
        text("settings.invalid", ["key": key, "value": shortened(value)]) + (allowed.map { " " + $0 } ?? "")
    }
}
