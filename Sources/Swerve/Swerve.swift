@_exported public import Distributed
@_exported public import SwerveActors
@_exported public import SwerveAdmin
@_exported public import SwerveCommands
@_exported public import SwerveCore
@_exported public import SwerveHTTPTypes
@_exported public import SwerveMacros
@_exported public import SwerveRuntime
