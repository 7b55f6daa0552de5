@_exported public import SwerveONNX
