internal import CUnbound
internal import Glibc

/// A context of libunbound as the options want it, ready to be asked. The caller deletes it.
func makeContext(_ options: Options) throws(OptionsFailure) -> OpaquePointer {
    guard let context = ub_ctx_create() else { throw .library("ub_ctx_create") }
    do throws(OptionsFailure) {
        try configure(context, options)
        return context
    } catch {
        ub_ctx_delete(context)
        throw error
    }
}

private func configure(_ context: OpaquePointer, _ options: Options) throws(OptionsFailure) {
    // Its reasons come with its answers; it is not to write to our standard error.
    ub_ctx_debugout(context, nil)
    try check(ub_ctx_async(context, 1))
    // A forwarder that was away is asked again as soon as somebody wants to know.
    var settings = [("msg-cache-size:", "8m"), ("rrset-cache-size:", "16m"), ("infra-keep-probing:", "yes")]
    if !options.forwarders.isEmpty {
        // Whom we are told to ask may know the names of private addresses (RFC 6303 §4).
        settings.append(("unblock-lan-zones:", "yes"))
        settings.append(("insecure-lan-zones:", "yes"))
    }
    for forwarder in options.forwarders {
        guard let address = ForwarderAddress(forwarder) else { throw .badForwarder(forwarder) }
        if address.isLoopback { settings.append(("do-not-query-localhost:", "no")) }
        try check(ub_ctx_set_fwd(context, address.text))
    }
    for (name, value) in settings { try check(ub_ctx_set_option(context, name, value)) }
    if let file = options.trustAnchorFile {
        guard access(file, R_OK) == 0 else { throw .unreadableTrustAnchors(file) }
        try check(ub_ctx_add_ta_file(context, file))
    }
    for anchor in options.trustAnchors {
        guard !anchor.isEmpty, isTrustAnchor(anchor) else { throw .badTrustAnchor(anchor) }
        try check(ub_ctx_add_ta(context, anchor))
    }
    // The first change of local data makes libunbound read all of the above; from then on it takes no options.
    try check(ub_ctx_data_remove(context, "none.invalid."))
    // RFC 6761 §6.2: answered as not existing, unless somebody set up a resolver that may know better.
    if !options.forwarders.isEmpty { try check(ub_ctx_zone_remove(context, "test.")) }
    try addLocalNames(context, options.localNames)
}

private func addLocalNames(_ context: OpaquePointer, _ names: [String]) throws(OptionsFailure) {
    let words = names.map { $0.split { $0.isWhitespace } }
    for (name, words) in zip(names, words) where words.count == 2 {
        guard words[1].lowercased() == "static", ub_ctx_zone_add(context, String(words[0]), "static") == 0 else {
            throw .badLocalName(name)
        }
    }
    for (name, words) in zip(names, words) where words.count != 2 {
        guard words.count > 2, ub_ctx_data_add(context, name) == 0 else { throw .badLocalName(name) }
    }
}

/// Whether libunbound takes it, found out with a context of its own: it reads anchors late and doesn't say which one it disliked.
private func isTrustAnchor(_ anchor: String) -> Bool {
    guard let trial = ub_ctx_create() else { return false }
    defer { ub_ctx_delete(trial) }
    ub_ctx_debugout(trial, nil)
    return ub_ctx_add_ta(trial, anchor) == 0 && ub_ctx_data_remove(trial, "none.invalid.") == 0
}

private func check(_ error: CInt) throws(OptionsFailure) {
    if error != 0 { throw .library(libraryText(error)) }
}

/// `192.0.2.1`, `2001:db8::1@5353`.
struct ForwarderAddress {
    let text: String
    let isLoopback: Bool

    init?(_ text: String) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.count == 1 || (1...65_535).contains(Int(parts[1]) ?? 0) else { return nil }
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, String(parts[0]), &four) == 1 {
            isLoopback = UInt32(bigEndian: four.s_addr) >> 24 == 127
        } else if inet_pton(AF_INET6, String(parts[0]), &six) == 1 {
            isLoopback = withUnsafeBytes(of: six) { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
        } else {
            return nil
        }
        self.text = text
    }
}
