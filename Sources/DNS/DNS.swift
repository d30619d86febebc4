/// DNS: the `Resolver` over libunbound, which asks, keeps and validates (RFC 4035 §4). It follows no CNAME itself and believes nothing
/// that libunbound does not. A context of libunbound belongs to one thread of its own (`Context`): no task ever waits within the library.
/// Changed options make a new context; what was asked of the old one ends there.
