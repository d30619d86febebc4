package import Mail

extension SearchProgram {
    /// A search that only asks which system flags a message has and has not, as most clients' do: what it asks for. Nil for any other.
    package var flagMask: (with: SystemFlags, without: SystemFlags)? { key.flagMask }
}

extension SearchKey {
    fileprivate var flagMask: (with: SystemFlags, without: SystemFlags)? {
        switch self {
        case .flag(let flag): return (flag, [])
        case .not(.flag(let flag)): return ([], flag)
        case .and(let keys):
            var with: SystemFlags = []
            var without: SystemFlags = []
            for key in keys {
                guard let mask = key.flagMask else { return nil }
                with.formUnion(mask.with)
                without.formUnion(mask.without)
            }
            // Nothing has a flag and has it not: no mask says so.
            return with.isDisjoint(with: without) ? (with, without) : nil
        default: return nil
        }
    }
}
