import Glibc

/// What `appliance/bench` measures beside the executable. Not installed.
@main
enum Bench {
    private static let usage = """
        usage: buzon-bench store DIR
               buzon-bench filter DIR SECONDS THREADS ROUNDS FILE...
        """

    static func main() async throws {
        let arguments = CommandLine.arguments
        switch arguments.count > 1 ? arguments[1] : "" {
        case "store" where arguments.count == 3:
            try await StoreBench.run(directory: arguments[2])
        case "filter" where arguments.count > 6:
            guard let seconds = Double(arguments[3]), seconds > 0, let threads = Int(arguments[4]), 1...256 ~= threads,
                let rounds = Int(arguments[5]), rounds > 0
            else { fallthrough }
            let bench = try await FilterBench(directory: arguments[2], threads: threads, files: Array(arguments[6...]))
            try await bench.run(rounds: rounds, seconds: seconds)
        default:
            print(usage)
            exit(2)
        }
    }
}
