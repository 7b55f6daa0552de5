public import SwerveCore

extension JSONValue {
    /// - Throws: ``ConfigError`` with the line and the column if the text is not JSON.
    public init(parsing text: String, file: String = "", limits: ConfigLimits = ConfigLimits()) throws(ConfigError) {
        let node = try ConfigNode.parse(text, file: file, format: .json, limits: limits)
        self = node.value
    }
}
