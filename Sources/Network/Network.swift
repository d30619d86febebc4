/// Network: sockets, and nothing about mail.
///
/// A `Door` is a port with a protocol behind it. `Listener` accepts, counts (`ConnectionLimits`) and runs one task for
/// each connection on that connection's own event loop (`LoopExecutor`). The task is `Driver.converse`: it pulls steps
/// from a session, which is a value, and obeys. Everything that can wake the task arrives through one sequence
/// (`Arrival`): bytes, the wake of new mail, a patience that ran out, the server's shutdown.
///
/// Invariants: replies of a pipeline leave in one write; what is written waits for a slow reader (no unbounded output);
/// no more is read than the session has worked off; a session that fails ends alone.
enum Network {}
