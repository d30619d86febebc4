/// A list of names, types and kinds that a policy forbids, ready to be met by parts.
package struct BannedNames: Sendable, Hashable {
    /// The list in its normalised form: rules separated by one space, in the order given.
    package let text: String
}
