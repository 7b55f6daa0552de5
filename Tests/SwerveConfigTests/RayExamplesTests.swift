import SwerveConfig
import SwerveCore
import Testing

/// Files with the structure, the names and the values of examples that Ray publishes, applied to twins of their
/// applications: the same replicas, routes and options.
@Suite struct RayExamplesTests {
    /// Ray's production guide: a summary of a text, translated.
    @Test func `the text model of the production guide`() throws {
        let text = """
            proxy_location: EveryNode

            http_options:
              host: 0.0.0.0
              port: 8000

            grpc_options:
              port: 9000
              grpc_servicer_functions: []

            applications:
            - name: default
              route_prefix: /
              import_path: text_ml:app
              runtime_env:
                pip:
                  - torch
                  - transformers
              deployments:
              - name: Translator
                num_replicas: 1
                user_config:
                  language: french
              - name: Summarizer
                num_replicas: 1
            """
        let parsed = try ServeConfig.parse(text)
        #expect(parsed.config.proxyLocation == .everyNode)
        #expect(parsed.config.http == HTTPConfig(host: "0.0.0.0", port: 8000))
        #expect(
            parsed.warnings.map(\.description) == [
                "serve.yaml:8:3: grpc_options: 'grpc_options' has no effect: there is no gRPC proxy",
                "serve.yaml:17:7: applications[0].runtime_env.pip: 'pip' has no effect: the replicas are not Python",
            ]
        )
        let config = parsed.config.applications[0]
        #expect(config.importPath == ImportPath(executable: "text_ml", application: "app"))
        #expect(config.userConfigs == ["Translator": ["language": "french"]])

        let program = application("Summarizer", "Translator", route: nil)
        let spec = try config.applied(to: program)
        #expect(spec.routePrefix == "/")
        #expect(spec.deployments.map(\.options) == [DeploymentOptions(), DeploymentOptions()])
    }

    /// Ray's guide to several applications: pictures are classified at one route, texts translated at another.
    @Test func `the two applications of the guide to several applications`() throws {
        let text = """
            proxy_location: EveryNode

            http_options:
              host: 0.0.0.0
              port: 8000

            logging_config:
              encoding: JSON
              log_level: INFO
              logs_dir: null
              enable_access_log: true

            applications:
              - name: app1
                route_prefix: /classify
                import_path: image_classifier:app
                runtime_env: {}
                deployments:
                  - name: downloader
                  - name: ImageClassifier

              - name: app2
                route_prefix: /translate
                import_path: text_translator:app
                runtime_env: {}
                deployments:
                  - name: Translator
            """
        let parsed = try ServeConfig.parse(text)
        #expect(parsed.warnings == [])
        #expect(parsed.config.logging?.encoding == .json)
        #expect(parsed.config.logging?.logsAccess == true)
        let images = application(
            "ImageClassifier",
            "downloader",
            named: "app1",
            options: ["downloader": DeploymentOptions(numReplicas: 3)]
        )
        let texts = application("Translator", named: "app2", options: ["Translator": DeploymentOptions(numReplicas: 2)])
        let specs = try zip(parsed.config.applications, [images, texts]).map { try $0.applied(to: $1) }
        #expect(specs.map(\.name) == ["app1", "app2"])
        #expect(specs.map(\.routePrefix) == ["/classify", "/translate"])
        // Deployments that are only named keep what the program says.
        #expect(specs.map { $0.deployments.map(\.options) } == [images, texts].map { $0.deployments.map(\.options) })
    }

    /// The sample of Ray's operator for Kubernetes: a fruit market and a calculator.
    @Test func `the fruit market and the calculator of the Kubernetes sample`() throws {
        let text = """
            applications:
              - name: fruit_app
                import_path: fruit.deployment_graph
                route_prefix: /fruit
                runtime_env:
                  working_dir: "https://example.com/test_dag.zip"
                deployments:
                  - name: MangoStand
                    num_replicas: 2
                    max_replicas_per_node: 1
                    user_config:
                      price: 3
                    ray_actor_options:
                      num_cpus: 0.1
                  - name: OrangeStand
                    num_replicas: 1
                    user_config:
                      price: 2
                    ray_actor_options:
                      num_cpus: 0.1
                  - name: PearStand
                    num_replicas: 1
                    user_config:
                      price: 1
                    ray_actor_options:
                      num_cpus: 0.1
                  - name: FruitMarket
                    num_replicas: 1
                    ray_actor_options:
                      num_cpus: 0.1
              - name: math_app
                import_path: conditional_dag.serve_dag
                route_prefix: /calc
                deployments:
                  - name: Adder
                    num_replicas: 1
                    user_config:
                      increment: 3
                    ray_actor_options:
                      num_cpus: 0.1
                  - name: Multiplier
                    num_replicas: 1
                    user_config:
                      factor: 5
                    ray_actor_options:
                      num_cpus: 0.1
                  - name: Router
                    num_replicas: 1
            """
        // Its folder would have to be fetched.
        let refused = #expect(throws: ConfigError.self) { try ServeConfig.parse(text) }
        #expect(
            refused?.description == "serve.yaml:6:20: applications[0].runtime_env.working_dir: working directory "
                + "'https://example.com/test_dag.zip': nothing is fetched; give the path of a folder or of a ZIP file, or a "
                + "file: URI of one"
        )
        let parsed = try ServeConfig.parse(text.replacing("https://example.com/", with: ""))
        #expect(
            parsed.warnings.map(\.description) == [
                "serve.yaml:3:18: applications[0].import_path: 'fruit.deployment_graph' is a path of Python; it is read as "
                    + "'fruit:deployment_graph'",
                "serve.yaml:32:18: applications[1].import_path: 'conditional_dag.serve_dag' is a path of Python; it is read "
                    + "as 'conditional_dag:serve_dag'",
            ]
        )
        let (fruit, math) = (parsed.config.applications[0], parsed.config.applications[1])
        #expect(
            fruit.userConfigs == ["MangoStand": ["price": 3], "OrangeStand": ["price": 2], "PearStand": ["price": 1]]
        )
        #expect(math.userConfigs == ["Adder": ["increment": 3], "Multiplier": ["factor": 5]])

        let tenth = Resources(cpus: 0.1)
        let market = try fruit.applied(
            to: application("FruitMarket", "MangoStand", "OrangeStand", "PearStand", named: "fruit_app")
        )
        #expect(market.routePrefix == "/fruit")
        #expect(
            market.options("MangoStand") == DeploymentOptions(numReplicas: 2, resources: tenth, maxReplicasPerNode: 1)
        )
        for name in ["OrangeStand", "PearStand", "FruitMarket"] {
            #expect(market.options(name) == DeploymentOptions(numReplicas: 1, resources: tenth))
        }
        let router = DeploymentOptions(numReplicas: 4, resources: Resources(cpus: 2))
        let calculator = try math.applied(
            to: application("Router", "Adder", "Multiplier", named: "math_app", options: ["Router": router])
        )
        #expect(calculator.routePrefix == "/calc")
        #expect(calculator.options("Adder") == DeploymentOptions(resources: tenth))
        #expect(calculator.options("Router") == DeploymentOptions(numReplicas: 1, resources: Resources(cpus: 2)))
    }

    /// Ray's guides to autoscaling and to rollouts, in one file with every option that they set.
    @Test func `the options of the guides to autoscaling and updates`() throws {
        let text = """
            target_capacity: 50
            applications:
            - import_path: resnet:app
              deployments:
              - name: Model
                max_ongoing_requests: 5
                max_queued_requests: 20
                num_replicas: auto
                autoscaling_config:
                  target_ongoing_requests: 2
                  min_replicas: 0
                  initial_replicas: 1
                  max_replicas: 20
                  upscale_delay_s: 3
                  downscale_delay_s: 60
                  upscaling_factor: 0.3
                  downscaling_factor: 0.3
                  metrics_interval_s: 2
                  look_back_period_s: 10
                graceful_shutdown_timeout_s: 20.0
                health_check_period_s: 10.0
                health_check_timeout_s: 30.0
                rolling_update_percentage: 0.2
                ray_actor_options: {num_cpus: 1.0, num_gpus: 0.5}
            """
        let parsed = try ServeConfig.parse(text)
        #expect(parsed.warnings.map(\.place.line) == [18])
        #expect(parsed.config.targetCapacity == 50)
        let spec = try parsed.config.applications[0].applied(to: application("Model"))
        #expect(
            spec.options("Model")
                == DeploymentOptions(
                    numReplicas: .auto,
                    autoscaling: Autoscaling(
                        minReplicas: 0,
                        initialReplicas: 1,
                        maxReplicas: 20,
                        targetOngoingRequests: 2,
                        upscaleDelay: .seconds(3),
                        downscaleDelay: .seconds(60),
                        upscalingFactor: 0.3,
                        downscalingFactor: 0.3,
                        lookBack: .seconds(10)
                    ),
                    maxOngoingRequests: 5,
                    maxQueuedRequests: 20,
                    resources: Resources(cpus: 1, gpus: 0.5),
                    rollout: .rolling(maxSurge: 0, maxUnavailable: .percent(20))
                )
        )
    }
}
