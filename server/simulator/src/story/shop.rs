//! The shop: who calls whom, and the script of its bad days.

use super::{Action, Call, Effect, Route, Scenario, Service, Step};

pub(super) fn scenario() -> Scenario {
    let services = [shop(), orders(), platform(), stores(), jobs()].concat();
    Scenario { nodes: 4, services, effects: effects(), before: before(), steps: steps(), period: 1_200.0 }
}

fn service(id: &str, tags: &[&str], replicas: u32, routes: Vec<Route>) -> Service {
    let (namespace, name) = id.split_once('/').unwrap_or(("default", id));
    let short = if name == "thumbnailer" { "thumbs" } else { name };
    Service {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        image: format!("registry.example/{namespace}/{short}"),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        replicas,
        env: [("LOG_LEVEL".to_owned(), "info".to_owned())].into(),
        config: [("app.yaml".to_owned(), format!("service: {name}\nworkers: 4\n"))].into(),
        cpu: 0.03 + routes.iter().map(|route| route.millis).sum::<f64>() * 0.002,
        routes,
        ..Service::default()
    }
}

fn route(name: &str, weight: f64, millis: f64, calls: &[&str]) -> Route {
    Route {
        name: name.to_owned(),
        weight,
        millis,
        errors: 0.0004,
        calls: calls.iter().map(|text| call(text)).collect(),
    }
}

/// `shop/catalog GET /products`, `~0.5 shop/…` for now and then, `=postgresql orders SELECT`, `>orders shop/…`.
fn call(text: &str) -> Call {
    let (share, text) = match text.strip_prefix('~').and_then(|rest| rest.split_once(' ')) {
        Some((share, rest)) => (share.parse().unwrap_or(1.0), rest),
        None => (1.0, text),
    };
    let (first, route) = text.split_once(' ').unwrap_or((text, ""));
    let (mark, first) = match first.split_at_checked(1) {
        Some((mark @ ("=" | ">"), rest)) => (mark, rest),
        _ => ("", first),
    };
    if mark == "=" {
        return Call { database: first.to_owned(), route: route.to_owned(), share, ..Call::default() };
    }
    if mark == ">" {
        let (service, route) = route.split_once(' ').unwrap_or((route, ""));
        return Call {
            queue: first.to_owned(),
            service: service.to_owned(),
            route: route.to_owned(),
            share,
            ..Call::default()
        };
    }
    Call { service: first.to_owned(), route: route.to_owned(), share, ..Call::default() }
}

/// What people see.
fn shop() -> Vec<Service> {
    vec![
        service(
            "shop/storefront",
            &["5.1.0", "5.2.0", "5.2.1"],
            3,
            vec![
                route("GET /", 30.0, 9.0, &["shop/catalog GET /products", "shop/recommendations GET /recommendations"]),
                route(
                    "GET /products/{id}",
                    28.0,
                    7.0,
                    &["shop/catalog GET /products/{id}", "~0.4 media/thumbnailer GET /thumbs/{id}"],
                ),
                route("GET /search", 14.0, 6.0, &["shop/search GET /search"]),
                route("POST /cart", 12.0, 5.0, &["shop/cart POST /cart/items"]),
                route("POST /checkout", 10.0, 8.0, &["shop/checkout POST /orders"]),
                route("POST /login", 6.0, 4.0, &["platform/identity POST /sessions"]),
            ],
        ),
        service(
            "shop/catalog",
            &["3.7.2", "3.8.0"],
            3,
            vec![
                route("GET /products", 0.0, 11.0, &["=postgresql catalog SELECT"]),
                route("GET /products/{id}", 0.0, 6.0, &["=postgresql catalog SELECT"]),
            ],
        ),
        service(
            "shop/cart",
            &["2.2.0", "2.3.1"],
            2,
            vec![
                route("POST /cart/items", 0.0, 4.0, &["shop/redis-cart SET cart"]),
                route("GET /cart", 0.0, 3.0, &["shop/redis-cart GET cart"]),
            ],
        ),
    ]
}

/// What an order goes through.
fn orders() -> Vec<Service> {
    vec![
        service(
            "shop/checkout",
            &["4.0.1", "4.1.0"],
            2,
            vec![route(
                "POST /orders",
                0.0,
                12.0,
                &[
                    "shop/cart GET /cart",
                    "shop/inventory POST /reservations",
                    "payments/payments POST /checkout",
                    "shop/orders-db INSERT orders",
                    ">orders platform/notifications receive orders",
                ],
            )],
        ),
        service(
            "shop/inventory",
            &["1.9.0", "1.9.4"],
            2,
            vec![route("POST /reservations", 0.0, 8.0, &["=postgresql inventory UPDATE"])],
        ),
        Service {
            memory: 140.0,
            memory_limit: 512,
            ..service(
                "shop/recommendations",
                &["0.14.0", "0.15.0"],
                2,
                vec![route("GET /recommendations", 0.0, 24.0, &["~0.3 shop/catalog GET /products"])],
            )
        },
        Service {
            env: [("LOG_LEVEL".to_owned(), "info".to_owned()), ("CACHE_TTL".to_owned(), "300s".to_owned())].into(),
            ..service("shop/search", &["2.0.3", "2.1.0"], 2, vec![route("GET /search", 0.0, 31.0, &[])])
        },
        service(
            "payments/payments",
            &["6.3.0", "6.4.0"],
            2,
            vec![
                route("POST /checkout", 0.0, 38.0, &["payments/ledger POST /entries"]),
                route("POST /refunds", 0.6, 30.0, &["payments/ledger POST /entries"]),
            ],
        ),
        Service {
            memory: 200.0,
            memory_limit: 384,
            ..service(
                "payments/ledger",
                &["1.4.0", "1.4.2"],
                2,
                vec![route("POST /entries", 0.0, 9.0, &["=postgresql ledger INSERT"])],
            )
        },
    ]
}

fn platform() -> Vec<Service> {
    vec![
        Service {
            cpu_limit: 0.25,
            ..service("media/thumbnailer", &["2.2.0", "2.3.0"], 2, vec![route("GET /thumbs/{id}", 1.5, 46.0, &[])])
        },
        // Now and then it is held at what its pods may have as a whole: not so long that it is worth saying.
        Service {
            cpu_limit: 0.15,
            limited_as_a_whole: true,
            ..service(
                "platform/identity",
                &["7.0.0", "7.0.2"],
                2,
                vec![route("POST /sessions", 0.0, 19.0, &["=postgresql identity SELECT"])],
            )
        },
        service("platform/notifications", &["3.0.0", "3.1.0"], 2, vec![route("receive orders", 0.0, 15.0, &[])]),
    ]
}

fn stores() -> Vec<Service> {
    let stateful = |service: Service| Service { kind: "StatefulSet".to_owned(), ..service };
    vec![
        stateful(service(
            "shop/redis-cart",
            &["7.4.1"],
            1,
            vec![route("SET cart", 0.0, 0.6, &[]), route("GET cart", 0.0, 0.4, &[])],
        )),
        stateful(Service {
            memory: 380.0,
            memory_limit: 1024,
            volume: 10_240,
            stored: 6_300.0,
            fills: 20.0,
            ..service("shop/orders-db", &["17.1", "17.2"], 2, vec![route("INSERT orders", 0.0, 4.0, &[])])
        }),
    ]
}

fn jobs() -> Vec<Service> {
    vec![
        // It is given less than it could use, as such agents are, and is held at that.
        Service {
            kind: "DaemonSet".to_owned(),
            cpu_limit: 0.05,
            ..service("platform/log-agent", &["1.30.0", "1.31.0"], 1, vec![])
        },
        Service {
            kind: "CronJob".to_owned(),
            schedule: "30 2 * * *".to_owned(),
            ..service("shop/nightly-report", &["1.2.0"], 1, vec![])
        },
    ]
}

fn effects() -> Vec<Effect> {
    let of =
        |service: &str, when: &str| Effect { service: service.to_owned(), when: when.to_owned(), ..Effect::default() };
    let words = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    vec![
        Effect {
            route: "POST /checkout".to_owned(),
            errors: 0.22,
            status: 504,
            stalls: 2_900.0,
            exception: "GatewayTimeoutError".to_owned(),
            message: "no answer from card gateway within 3000 ms".to_owned(),
            ..of("payments/payments", "6.5.")
        },
        Effect { route: "GET /search".to_owned(), slower: 160.0, ..of("shop/search", "CACHE_TTL=0.") },
        Effect { leak: 46.0, ..of("shop/recommendations", "0.16.") },
        Effect { unpullable: true, ..of("media/thumbnailer", "2.4.0-rc.") },
        Effect {
            crash_after: 4.0,
            exit_code: 1,
            last_words: words(&[
                "INFO  reading /etc/notifications/app.yaml",
                "INFO  connecting to smtp relay mail.platform.svc:587",
                "ERROR configuration: SMTP_RELAY_TOKEN is required since 3.2.0",
                "FATAL cannot start: missing environment variable SMTP_RELAY_TOKEN",
            ]),
            ..of("platform/notifications", "3.2.")
        },
    ]
}

fn deploy(at: f64, service: &str, tag: &str, cause: &str) -> Step {
    Step { at, action: Action::Deploy { service: service.into(), tag: tag.into(), cause: cause.into() } }
}

fn rollback(at: f64, service: &str) -> Step {
    Step { at, action: Action::Rollback { service: service.into() } }
}

fn cache(at: f64, age: &str) -> Step {
    let (service, name) = ("shop/search".into(), "CACHE_TTL".into());
    Step { at, action: Action::Env { service, name, value: age.into() } }
}

fn oom(at: f64) -> Step {
    Step { at, action: Action::Oom { service: "payments/ledger".into() } }
}

fn node(at: f64, up: bool) -> Step {
    let node = "node-3".to_owned();
    Step { at, action: if up { Action::NodeUp { node } } else { Action::NodeDown { node } } }
}

/// The hour before somebody looks; `at` counts backwards. What objects alone can show is still so when they look.
fn before() -> Vec<Step> {
    vec![
        deploy(14_400.0, "shop/recommendations", "0.16.0", "keep models warm"),
        deploy(2_820.0, "payments/payments", "6.5.0-rc.1", "new card gateway"),
        rollback(2_400.0, "payments/payments"),
        deploy(1_900.0, "shop/catalog", "3.9.0", "prices with tax"),
        oom(1_500.0),
        cache(1_020.0, "0.05s"),
        rollback(560.0, "shop/search"),
        deploy(420.0, "media/thumbnailer", "2.4.0-rc.0", "try the new resizer"),
        node(345.0, false),
        deploy(200.0, "platform/notifications", "3.2.0", "smtp relay with tokens"),
    ]
}

/// A round, from the moment somebody looks. What goes wrong is a new revision each time: one that was there before
/// would be a rollback.
fn steps() -> Vec<Step> {
    vec![
        deploy(25.0, "shop/storefront", "5.3.{round}", "spring banner"),
        node(60.0, true),
        rollback(120.0, "platform/notifications"),
        deploy(150.0, "payments/payments", "6.5.{round}", "new card gateway"),
        rollback(210.0, "media/thumbnailer"),
        rollback(480.0, "payments/payments"),
        cache(540.0, "0.{round}s"),
        oom(600.0),
        rollback(800.0, "shop/search"),
        node(840.0, false),
        deploy(940.0, "media/thumbnailer", "2.4.0-rc.{round}", "try the new resizer"),
        node(1_040.0, true),
        deploy(1_080.0, "platform/notifications", "3.2.{round}", "smtp relay with tokens"),
    ]
}
