internal import NIOCore
internal import SwerveCore
internal import SwerveHTTPTypes

extension AdminAPI {
    private struct Scale: Decodable {
        var target_num_replicas: Int
    }
    private struct Rollback: Decodable {
        var revision: Int?
    }
    private struct Capacity: Decodable {
        var target_capacity: Int?
    }

    /// What changes something. Answered with 202 as soon as the change is accepted; the status tells how it goes on.
    var changing: [AdminRoute] {
        let api = self
        let application = "/api/v1/applications/{application}"
        return [
            AdminRoute(.delete, application) { request in
                let name = request.parameters["application"] ?? ""
                try await api.checkExists(name)
                try await api.source.delete(name)
                return Self.accepted("the application '\(name)' is being deleted")
            },
            AdminRoute(.put, application) { request in
                let name = request.parameters["application"] ?? ""
                try await api.source.deploy(try await request.content(), as: name)
                return Self.accepted("the application '\(name)' is being deployed")
            },
            AdminRoute(.post, "\(application)/rollback") { request in
                let name = request.parameters["application"] ?? ""
                try await api.checkExists(name)
                let isEmpty = request.body.completeBytes?.readableBytes == 0
                let wanted = isEmpty ? Rollback() : try await request.fields(as: Rollback.self)
                let plan = try await api.source.rollBack(name, to: wanted.revision)
                return .json(try await api.json().value(plan).bytes, status: .accepted)
            },
            AdminRoute(.post, "\(application)/deployments/{deployment}/scale") { await api.scale($0) },
            AdminRoute(.put, "/api/v1/target-capacity") { request in
                let capacity = try await request.fields(as: Capacity.self).target_capacity
                try await api.source.setTargetCapacity(capacity)
                return Self.accepted("the target capacity is \(capacity.map { "\($0)" } ?? "unset")")
            },
            AdminRoute(.post, "/api/v1/shutdown") { _ in
                await api.source.beginShutdown()
                return Self.accepted("the instance is shutting down")
            },
        ]
    }

    static func accepted(_ message: String) -> ServeResponse {
        .json((["message": .string(message)] as JSONValue).bytes, status: .accepted)
    }

    /// - Throws: 404 with names that are spelled alike.
    private func checkExists(_ application: String) async throws(AdminError) {
        let known = await source.status().applications.keys
        guard !known.contains(application) else { return }
        let near = NearestName.several(application, among: known)
        let hint = near.isEmpty ? "" : "; there is \(near.joined(separator: ", "))"
        throw .notFound("there is no application '\(application)'" + hint)
    }

    /// In the words of Ray's API, whose errors are a text in `error`.
    private func scale(_ request: ServeRequest) async -> ServeResponse {
        func answer(_ status: HTTPStatus, _ field: String, _ text: String) -> ServeResponse {
            .json((JSONValue.object([field: .string(text)])).bytes, status: status)
        }
        let parameters = request.parameters
        let id = DeploymentID(
            application: parameters["application"] ?? "",
            deployment: parameters["deployment"] ?? ""
        )
        do {
            let target: Int
            do { target = try await request.fields(as: Scale.self).target_num_replicas } catch let error as AdminError {
                return answer(.badRequest, "error", "Invalid request body: \(error.message)")
            }
            let applications = await source.status().applications
            let application = applications[id.application]
            guard let deployment = application?.deployments[id.deployment] else {
                let hint =
                    if let application {
                        "'\(id.application)' has no deployment '\(id.deployment)'; "
                            + NearestName.hint(for: id.deployment, among: application.deployments.keys)
                    } else {
                        "there is no application '\(id.application)'; "
                            + NearestName.hint(for: id.application, among: applications.keys)
                    }
                return answer(.notFound, "error", "Application or Deployment not found: \(hint)")
            }
            if application?.state == .deleting || deployment.state == .deleting {
                return answer(412, "error", "Deployment is deleted")
            }
            try await source.scale(id, to: target)
            let message = "Scaling request received. Deployment will get scaled asynchronously."
            return answer(.ok, "message", message)
        } catch {
            let error = AdminError(error)
            return answer(error.status, "error", error.message)
        }
    }
}
