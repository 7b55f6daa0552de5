import Distributed
import SwerveActors
import Testing

@Suite struct MethodNameTests {
    @Test func `a mangled name becomes the type and the method`() {
        // Of `translate(_:to:)` of an actor `Words.Translator`.
        let mangled = "$s5Words10TranslatorC9translate_2toS2S_SStYaKFTE"
        #expect(RemoteCallTarget(mangled).description.contains("translate(_:to:)"))
        #expect(MethodName.of(mangled) == "Translator.translate(_:to:)")
    }

    @Test func `other names stay as they are`() {
        #expect(MethodName.of("call") == "call")
        #expect(MethodName.of("Translator.call") == "Translator.call")
    }
}
