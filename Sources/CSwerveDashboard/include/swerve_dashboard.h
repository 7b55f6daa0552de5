#ifndef SWERVE_DASHBOARD_H
#define SWERVE_DASHBOARD_H

#include <stddef.h>

// A file of the dashboard, as it is in Sources/SwerveAdmin/Dashboard.
struct swerve_dashboard_file {
    const char *_Nonnull path;
    const char *_Nonnull content_type;
    const unsigned char *_Nonnull bytes;
    size_t count;
};

// The file with that index; NULL behind the last one.
const struct swerve_dashboard_file *_Nullable swerve_dashboard_file(size_t index);

#endif
