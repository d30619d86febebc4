import MailTesting
import Testing

@Test func emptyPlaceholder() {}
