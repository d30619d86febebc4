import Glibc

/// What `appliance/bench` measures beside the executable. Not installed.
@main
enum Bench {
    private static let usage = """
        usage: buzon-bench store DIR
               buzon-bench scan|virus|all DIR SECONDS THREADS FILE...
        """

    static func main() async throws {
        let arguments = CommandLine.arguments
        switch arguments.count > 1 ? arguments[1] : "" {
        case "store" where arguments.count == 3:
            try await StoreBench.run(directory: arguments[2])
        case let word where arguments.count > 5:
            guard let way = FilterBench.Way(rawValue: word), let seconds = Double(arguments[3]), seconds > 0,
                let threads = Int(arguments[4]), 1...256 ~= threads
            else { fallthrough }
            try await FilterBench(directory: arguments[2], seconds: seconds, threads: threads, files: Array(arguments[5...])).run(way)
        default:
            print(usage)
            exit(2)
        }
    }
}
