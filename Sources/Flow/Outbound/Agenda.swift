/// When which destinations are looked at again, the earliest first.
struct Agenda: Sendable {
    /// Entries beyond it are not kept: the next scan finds them again.
    static let limit = 100_000

    private var dues: [String: Int64] = [:]
    /// A heap; entries that `dues` has no more, or has another time for, are passed over.
    private var heap: [(due: Int64, name: String)] = []

    var count: Int { dues.count }

    /// The earlier of what is there and `due` counts.
    mutating func add(_ name: String, due: Int64) {
        if let known = dues[name], known <= due { return }
        guard dues[name] != nil || dues.count < Self.limit else { return }
        dues[name] = due
        heap.append((due, name))
        var index = heap.count - 1
        while index > 0, heap[(index - 1) / 2].due > heap[index].due {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    /// When the first is due; nil when there is none.
    var first: Int64? { heap.first?.due }

    /// The first that is due until `now`, taken out.
    mutating func next(until now: Int64) -> String? {
        while let top = heap.first, top.due <= now {
            removeTop()
            guard dues[top.name] == top.due else { continue }
            dues[top.name] = nil
            return top.name
        }
        return nil
    }

    private mutating func removeTop() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].due < heap[least].due { least = child }
            guard least != index else { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}

/// Domains in the order in which they came, each once.
struct DomainLine: Sendable {
    private var names: ArraySlice<String> = []
    private var known: Set<String> = []

    var isEmpty: Bool { names.isEmpty }
    var all: [String] { Array(names) }

    /// One that is there keeps its place.
    mutating func append(_ name: String) {
        if known.insert(name).inserted { names.append(name) }
    }

    mutating func popFirst() -> String? {
        guard let name = names.popFirst() else { return nil }
        known.remove(name)
        if names.isEmpty { names = [] }
        return name
    }
}
