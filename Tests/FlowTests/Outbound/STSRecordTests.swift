import Testing

@testable import Flow

@Suite struct STSRecordTests {
    @Test(arguments: [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"), (["v=STSv1;id=1"], "1"), (["v=STSv1 ;\tid=1 ; "], "1"),
        (["v=STSv1; ext=a:b; id=7; more-1.x_y=z"], "7"), (["v=spf1 -all", "v=STSv1; id=2"], "2"),
        (["v=STSv2; id=1", "v=STSv1; id=2", "v=STSv10; id=3"], "2"),
    ])
    func good(_ records: [String], _ id: String) {
        #expect(STSRecord(records: records.map { Array($0.utf8) })?.id == id)
    }

    @Test(arguments: [
        [], ["v=STSv1"], ["v=STSv1;"], ["v=STSv1; id="], ["v=STSv1; id=a b"], ["v=STSv1; id=a-b"], ["v=stsv1; id=1"],
        ["v=STSv1; id=1", "v=STSv1; id=1"], ["v=STSv1; id=1; id=2"], ["v=STSv1; id=1;; a=b"], ["v=STSv1; id=1; a"],
        ["v=STSv1; id=123456789012345678901234567890123"], ["id=1; v=STSv1"], [" v=STSv1; id=1"], ["v=STSv1; id=1; =b"],
        ["v=STSv1; id=1; \u{e9}=b"],
    ])
    func bad(_ records: [String]) { #expect(STSRecord(records: records.map { Array($0.utf8) }) == nil) }
}
