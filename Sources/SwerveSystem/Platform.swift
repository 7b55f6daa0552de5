/// The operating system that this was built for.
package enum Platform {
    package static var isMacOS: Bool {
        #if os(macOS)
            true
        #else
            false
        #endif
    }
}
