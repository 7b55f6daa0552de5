#!/usr/bin/env python3
"""Writes what follows from the options of a deployment: `make options`; with --check, only compares.

An option is declared once, as a stored property of `DeploymentOptions` with its documentation and its default. Swift has
no way to repeat a list of parameters, so this writes the initialiser, the overrides, the parameters of the macros and of
`options(...)`.
"""
import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "Sources/SwerveCore/Options/DeploymentOptions.swift"
MACROS = ROOT / "Sources/SwerveMacros/Macros.swift"
HEADER = "// Written by dev/make-options.py from the properties of DeploymentOptions; 'make options' writes it anew.\n\n"
PROPERTY = re.compile(r"((?:^    ///.*\n)+)^    public var (\w+): (.+) = (.+)$", re.MULTILINE)
NESTED = ("Placement", "Routing", "Execution", "Rollout")


class Option:
    def __init__(self, doc, name, kind, default):
        self.doc = " ".join(line.strip().removeprefix("///").strip() for line in doc.strip().splitlines())
        self.name, self.kind, self.default = name, kind, default

    @property
    def outer(self):
        """The type as it is written outside of DeploymentOptions."""
        return f"DeploymentOptions.{self.kind}" if self.kind in NESTED else self.kind

    @property
    def optional(self):
        return self.outer if self.outer.endswith("?") else self.outer + "?"

    def parameter(self, kind, default):
        label = "_ name" if self.name == "name" else self.name
        return f"{label}: {kind} = {default}"

    def documentation(self, indent):
        """A line of `- Parameters:`, wrapped."""
        text = re.sub(r"``(?:[\w/]*/)?(\w+)(?:\([\w:]*\))?``", r"`\1`", self.doc)
        width = 120 - len(indent)
        lines = textwrap.wrap(text[0].lower() + text[1:] if text[1].islower() else text, width - 12 - len(self.name))
        first, *rest = textwrap.wrap(
            f"///   - {self.name}: {' '.join(lines)}", width, subsequent_indent="///     ", break_on_hyphens=False
        )
        return "\n".join(indent + line for line in [first, *rest])


def options():
    found = [Option(*match) for match in PROPERTY.findall(SOURCE.read_text())]
    if not found or found[0].name != "name":
        sys.exit(f"{SOURCE}: no options found, or the first is not 'name'")
    return found


def joined(lines, indent="        "):
    return ",\n".join(indent + line for line in lines)


def initializer(all):
    return f"""{HEADER}extension DeploymentOptions {{
    /// - Parameters:
{chr(10).join(each.documentation("    ") for each in all)}
    public init(
{joined(each.parameter(each.kind, each.default) for each in all)}
    ) {{
{chr(10).join(f"        self.{each.name} = {each.name}" for each in all)}
    }}
}}
"""


def overrides(all):
    properties = "\n".join(f"    public var {each.name}: {each.optional}" for each in all)
    parameters = joined(f"{each.name}: {each.optional} = nil" for each in all)
    changes = "\n".join(f"        if let {each.name} {{ options.{each.name} = {each.name} }}" for each in all)
    return f"""{HEADER}/// The options of one deployment that differ from what its `@Deployment` says; what is `nil` stays as it is there.
///
/// The properties mean what those of ``DeploymentOptions`` mean.
public struct DeploymentOverrides: Hashable, Sendable {{
{properties}

    public init(
{parameters}
    ) {{
{chr(10).join(f"        self.{each.name} = {each.name}" for each in all)}
    }}

    /// The options of the deployment with these in their place.
    package func applied(to options: DeploymentOptions) -> DeploymentOptions {{
        var options = options
{changes}
        return options
    }}
}}
"""


def method(all):
    passed = joined((f"{each.name}: {each.name}" for each in all), "            ")
    return f"""{HEADER}public import SwerveCore

extension Deployment {{
    /// The deployment with other options than its `@Deployment` says, to be bound: `Model.options(numReplicas: 2).bind()`.
    /// What is `nil` stays as it is there.
    ///
    /// - Parameters:
{chr(10).join(each.documentation("    ") for each in all)}
    public static func options(
{joined(f"{each.name}: {each.optional} = nil" for each in all)}
    ) -> Configured {{
        let overrides = DeploymentOverrides(
{passed}
        )
        return Configured(overrides)
    }}
}}
"""


def macros(all):
    text = MACROS.read_text()
    documentation = "/// - Parameters:\n" + "\n".join(each.documentation("") for each in all) + "\n@attached"
    text = re.sub(r"/// - Parameters:\n(?:///.*\n)+@attached", lambda _: documentation, text)
    parameters = joined((each.parameter(each.outer, each.default) for each in all), "    ")
    return re.sub(
        r"(public macro \w*Deployment\(\n)(?:    .*\n)+(\) = )",
        lambda match: f"{match[1]}{parameters}\n{match[2]}",
        text,
    )


def main():
    all = options()
    files = {
        ROOT / "Sources/SwerveCore/Options/DeploymentOptions+Init.swift": initializer(all),
        ROOT / "Sources/SwerveCore/Options/DeploymentOverrides.swift": overrides(all),
        ROOT / "Sources/SwerveActors/Deployments/Deployment+Options.swift": method(all),
        MACROS: macros(all),
    }
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        if stale:
            names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
            sys.exit(f"these do not follow from DeploymentOptions: {names}; run 'make options'")
    else:
        for path in stale:
            path.write_text(files[path])


if __name__ == "__main__":
    main()
