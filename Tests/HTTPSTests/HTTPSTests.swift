import Testing

@testable import HTTPS
