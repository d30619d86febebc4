import SMTP
import Testing

@testable import Flow

struct AdviceTests {
    @Test(arguments: [
        (
            Reply(
                550, "5.7.1",
                "Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140)."
            ), SendingStage.mail, Advice.blocked
        ),
        (Reply(550, "5.7.1", "Service unavailable, Client host [192.0.2.1] blocked using Spamhaus. (S3150)"), .mail, .blocked),
        (Reply(554, "5.7.1", "Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"), .recipient, .blocked),
        (Reply(550, "5.7.26", "This mail has been blocked because the sender is unauthenticated."), .content, .unauthenticated),
        (Reply(550, nil, "5.7.27 SPF did not pass"), .content, .unauthenticated),
        (Reply(450, "4.2.0", "Recipient address rejected: Greylisted, see http://postgrey"), .recipient, .greylisted),
        (Reply(451, "4.7.1", "Please try again in 300 seconds"), .recipient, .greylisted),
        (Reply(452, "4.2.2", "The email account that you tried to reach is over quota"), .recipient, .mailboxFull),
        (Reply(550, "5.1.1", "The email account that you tried to reach does not exist"), .recipient, .noSuchUser),
        (Reply(550, nil, "no"), .recipient, .noSuchUser),
        (Reply(552, "5.3.4", "Message size exceeds fixed limit"), .mail, .tooLarge),
        (Reply(421, "4.7.28", "Our system has detected an unusual rate"), .content, .rateLimited),
        (Reply(421, "4.4.5", "Too many connections"), .banner, .rateLimited),
        (Reply(530, "5.7.0", "Must issue a STARTTLS command first"), .mail, .tlsNeeded),
        (Reply(530, "5.7.0", "Authentication required"), .mail, .loginNeeded),
        (Reply(535, "5.7.8", "bad credentials"), .mail, .loginRefused), (Reply(535, nil, "no"), .mail, .loginRefused),
        (Reply(454, "4.7.0", "The server offers neither AUTH PLAIN nor AUTH LOGIN"), .mail, .loginMissing),
        (Reply(550, "5.7.1", "Message rejected due to DMARC policy"), .content, .unauthenticated),
        (Reply(550, "5.7.25", "The sending IP does not have a PTR record"), .content, .namelessAddress),
        (Reply(554, "5.7.1", "<x@y>: Relay access denied"), .recipient, .relayDenied),
        (Reply(451, "4.3.0", "Temporary lookup failure"), .content, .unwell),
        (Reply(554, nil, "no"), .content, .other),
    ])
    func whatAnswersMean(_ reply: Reply, _ stage: SendingStage, _ advice: Advice) {
        #expect(Advice(reply, at: stage) == advice)
    }
}
