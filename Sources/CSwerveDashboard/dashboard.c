// The dashboard's files, embedded by the compiler: Swift has no such directive, and SwiftPM's resources would be files
// beside the program.
#include "swerve_dashboard.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char page[] = {
#embed "../SwerveAdmin/Dashboard/index.html"
};
static const unsigned char script[] = {
#embed "../SwerveAdmin/Dashboard/dashboard.js"
};
static const unsigned char style[] = {
#embed "../SwerveAdmin/Dashboard/dashboard.css"
};

static const struct swerve_dashboard_file files[] = {
    {"/", "text/html; charset=utf-8", page, sizeof page},
    {"/dashboard.js", "text/javascript; charset=utf-8", script, sizeof script},
    {"/dashboard.css", "text/css; charset=utf-8", style, sizeof style},
};

const struct swerve_dashboard_file *swerve_dashboard_file(size_t index) {
    return index < sizeof files / sizeof *files ? &files[index] : NULL;
}
