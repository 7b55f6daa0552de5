// The dashboard's files, embedded by the compiler: Swift has no such directive, and SwiftPM's resources would be files
// beside the program.
#include "swerve_dashboard.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char index_html[] = {
#embed "../SwerveAdmin/Dashboard/index.html"
};
static const unsigned char icon_svg[] = {
#embed "../SwerveAdmin/Dashboard/icon.svg"
};
static const unsigned char dashboard_css[] = {
#embed "../SwerveAdmin/Dashboard/dashboard.css"
};
static const unsigned char views_css[] = {
#embed "../SwerveAdmin/Dashboard/views.css"
};
static const unsigned char actions_js[] = {
#embed "../SwerveAdmin/Dashboard/actions.js"
};
static const unsigned char actors_js[] = {
#embed "../SwerveAdmin/Dashboard/actors.js"
};
static const unsigned char calls_js[] = {
#embed "../SwerveAdmin/Dashboard/calls.js"
};
static const unsigned char chart_js[] = {
#embed "../SwerveAdmin/Dashboard/chart.js"
};
static const unsigned char dashboard_js[] = {
#embed "../SwerveAdmin/Dashboard/dashboard.js"
};
static const unsigned char dialog_js[] = {
#embed "../SwerveAdmin/Dashboard/dialog.js"
};
static const unsigned char edges_js[] = {
#embed "../SwerveAdmin/Dashboard/edges.js"
};
static const unsigned char format_js[] = {
#embed "../SwerveAdmin/Dashboard/format.js"
};
static const unsigned char graph_js[] = {
#embed "../SwerveAdmin/Dashboard/graph.js"
};
static const unsigned char layout_js[] = {
#embed "../SwerveAdmin/Dashboard/layout.js"
};
static const unsigned char logs_js[] = {
#embed "../SwerveAdmin/Dashboard/logs.js"
};
static const unsigned char metrics_js[] = {
#embed "../SwerveAdmin/Dashboard/metrics.js"
};
static const unsigned char model_js[] = {
#embed "../SwerveAdmin/Dashboard/model.js"
};
static const unsigned char parts_js[] = {
#embed "../SwerveAdmin/Dashboard/parts.js"
};
static const unsigned char render_js[] = {
#embed "../SwerveAdmin/Dashboard/render.js"
};
static const unsigned char series_js[] = {
#embed "../SwerveAdmin/Dashboard/series.js"
};
static const unsigned char serve_js[] = {
#embed "../SwerveAdmin/Dashboard/serve.js"
};
static const unsigned char server_js[] = {
#embed "../SwerveAdmin/Dashboard/server.js"
};
static const unsigned char why_js[] = {
#embed "../SwerveAdmin/Dashboard/why.js"
};

static const char script[] = "text/javascript; charset=utf-8";
static const char style[] = "text/css; charset=utf-8";

static const struct swerve_dashboard_file files[] = {
    {"/", "text/html; charset=utf-8", index_html, sizeof index_html},
    {"/icon.svg", "image/svg+xml", icon_svg, sizeof icon_svg},
    {"/dashboard.css", style, dashboard_css, sizeof dashboard_css},
    {"/views.css", style, views_css, sizeof views_css},
    {"/actions.js", script, actions_js, sizeof actions_js},
    {"/actors.js", script, actors_js, sizeof actors_js},
    {"/calls.js", script, calls_js, sizeof calls_js},
    {"/chart.js", script, chart_js, sizeof chart_js},
    {"/dashboard.js", script, dashboard_js, sizeof dashboard_js},
    {"/dialog.js", script, dialog_js, sizeof dialog_js},
    {"/edges.js", script, edges_js, sizeof edges_js},
    {"/format.js", script, format_js, sizeof format_js},
    {"/graph.js", script, graph_js, sizeof graph_js},
    {"/layout.js", script, layout_js, sizeof layout_js},
    {"/logs.js", script, logs_js, sizeof logs_js},
    {"/metrics.js", script, metrics_js, sizeof metrics_js},
    {"/model.js", script, model_js, sizeof model_js},
    {"/parts.js", script, parts_js, sizeof parts_js},
    {"/render.js", script, render_js, sizeof render_js},
    {"/series.js", script, series_js, sizeof series_js},
    {"/serve.js", script, serve_js, sizeof serve_js},
    {"/server.js", script, server_js, sizeof server_js},
    {"/why.js", script, why_js, sizeof why_js},
};

const struct swerve_dashboard_file *swerve_dashboard_file(size_t index) {
    return index < sizeof files / sizeof *files ? &files[index] : NULL;
}
