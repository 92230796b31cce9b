#include "app/gateway.h"

#include <fmt/format.h>

#include <boost/asio.hpp>
#include <boost/json.hpp>
#include <thread>

#include "app/admin/access.h"
#include "app/admin/api.h"
#include "app/admin/http_server.h"
#include "app/campaign_sweeper.h"
#include "app/component_options.h"
#include "app/departure_gate.h"
#include "app/import_follow.h"
#include "app/import_runner.h"
#include "app/inbound.h"
#include "app/intake.h"
#include "app/key_store.h"
#include "app/live_loading.h"
#include "app/outcome_recorder.h"
#include "app/policy_trials.h"
#include "app/policy_versions.h"
#include "app/ports_file.h"
#include "app/public/site.h"
#include "app/queue_orders.h"
#include "app/renewal_task.h"
#include "app/report_services.h"
#include "app/restore_marker.h"
#include "app/restore_replay.h"
#include "app/sender_preflight.h"
#include "app/store_maintenance.h"
#include "app/store_rooms.h"
#include "app/tenant_tasks.h"
#include "app/transport_policies.h"
#include "base/log.h"
#include "base/task_scope.h"
#include "base/worker_pool.h"
#include "queue/delivery.h"
#include "queue/scheduler.h"
#include "queue/smtp_transport.h"
#include "smtp/dns/resolver.h"
#include "smtp/server/listener.h"

namespace consentry::app {

namespace asio = boost::asio;
namespace server = smtp::server;
using asio::ip::tcp;
using std::chrono::steady_clock;

namespace {

constexpr int exit_done = 0, exit_store_broken = 3;
constexpr std::chrono::milliseconds grace_after_break{500};  // for the 451s to get out
constexpr unsigned report_workers_count = 4, desk_workers_count = 2, other_workers_count = 4;

}  // namespace

// Members stand in the order of need: what stands below uses what stands above.
struct gateway::state {
  state(settings given, std::filesystem::path f, std::vector<int> sockets, const wall_clock& c);

  settings config;
  std::filesystem::path file;
  const wall_clock& clock;
  asio::io_context io{1};  // listeners, scheduler, resolver, admin; the thread that calls run()
  std::vector<std::unique_ptr<asio::io_context>> more_io;  // sessions beyond the first thread's
  worker_pool workers;
  filters::confined_reader attachments;
  // What waits for strangers' DNS or for a thousand commits has threads of its own.
  worker_pool report_workers{report_workers_count};
  worker_pool desk_workers{desk_workers_count};
  worker_pool attachment_workers{other_workers_count};
  worker_pool preflight_workers{other_workers_count};
  live_settings live;
  store_rooms rooms;
  policy_versions policies;
  policy_trials trials;
  smtp::dns::resolver dns;
  smtp::dns::resolver fresh_dns;  // for proofs of domains, which people wait for
  departure_gate gate;
  outcome_recorder recorder;
  queue::trace_board traces{clock};
  transport_policies transport;
  queue::smtp_transport network;
  queue::delivery carrier;
  queue::scheduler scheduler;
  null_mx no_mail;
  intake submissions;
  inbound reports;
  server::auth_guard guard;
  server::memory_budget memory;
  server::session_services submission_services;
  server::session_services inbound_services;
  std::vector<std::unique_ptr<server::listener>> listeners;
  erasure_parts erasures() { return {.rooms = rooms, .clock = clock, .hooks = api.erasure_hooks}; }
  store_maintenance maintenance;
  sender_preflight preflight;
  dkim_rotation rotation;
  tenant_services care;
  import_runner imports;
  report_services reporting;
  admin::api_context api;
  admin::http_server admin_server;
  sign_up_desk sign_ups;
  public_pages::context public_context;
  admin::http_server public_server;
  task_scope tasks;
  queue_orders orders;
  asio::signal_set signals;
  std::atomic<bool> is_broken{false};

  void load_live(const settings& s);
  void store_broke(const failure& f);
  void open_listeners(std::vector<int> sockets);
  std::size_t count_sessions() const;
  admin::tls_source http_tls(bool is_wanted) const;
  void open_http();
  asio::awaitable<void> close_http(std::chrono::milliseconds patience);
  void start();
  asio::awaitable<void> reload();
  asio::awaitable<void> watch_signals();
  asio::awaitable<void> stop();
  asio::awaitable<void> drain_listeners(steady_clock::time_point deadline);
};

gateway::state::state(settings given, std::filesystem::path f, std::vector<int> sockets,
                      const wall_clock& c)
    : config{std::move(given)},
      file{std::move(f)},
      clock{c},
      workers{worker_count(config)},
      attachments{config.attachment_reader},
      rooms{store_options_of(config), [this](const failure& why) { store_broke(why); }},
      policies{rooms, live, clock, config.compiled_folder},
      trials{rooms, live, desk_workers, clock},
      dns{io.get_executor(), resolver_of(config)},
      fresh_dns{io.get_executor(), fresh_resolver_of(config)},
      gate{rooms, live, clock},
      recorder{rooms, clock, [this] { return live.policy.get()->set->rules; }, providers_of(live)},
      transport{io.get_executor(),
                rooms,
                dns,
                clock,
                config,
                [this](instant due) { scheduler.notify(due); }},
      network{io.get_executor(), dns, transport.watched(transport_of(config)), transport.sts()},
      carrier{{.bodies = rooms.bodies,
               .workers = workers,
               .network = network,
               .keys = [this] { return live.dkim_keys.get(); },
               .tokens = [this] { return live.tokens.get(); },
               .routes = [this] { return live.routes.get(); },
               .clock = clock,
               .sites = site_source_of(dns, config),
               .traces = &traces},
              delivery_of(config)},
      scheduler{io.get_executor(),
                {.env = rooms.env,
                 .commits = rooms.commits,
                 .store = rooms.queue,
                 .bodies = rooms.bodies,
                 .carrier = carrier,
                 .gate = gate,
                 .sink = recorder,
                 .clock = clock,
                 .pacing = [this] { return live.pacing.get(); },
                 .bounces = [this] { return live.bounces.get(); },
                 .tenant_name = tenant_names_of(rooms),
                 .stopped = &rooms.stops},
                scheduler_of(config)},
      no_mail{dns, live, clock},
      submissions{{.rooms = rooms,
                   .live = live,
                   .workers = workers,
                   .attachments = &attachments,
                   .attachment_workers = &attachment_workers,
                   .clock = clock,
                   .notify_queue = [this](instant due) { scheduler.notify(due); },
                   .notify_flow = [this](const queue::flow_id& flow, queue::lane in,
                                         instant due) { scheduler.notify(flow, in, due); },
                   .shadow = &trials.shadow(),
                   .null_mx = &no_mail},
                  {.host_name = config.server.host_name,
                   .retry = retry_of(config),
                   .notices = notices_of(config)}},
      reports{{.rooms = rooms,
               .live = live,
               .workers = report_workers,
               .clock = clock,
               .dns = dns,
               .hold_bulk_of = [this](tenant_id t) { tasks.spawn(hold_bulk(rooms, clock, t)); }},
              inbound_of(config)},
      guard{{}},
      memory{config.smtp.bodies_in_memory_max},
      submission_services{
          .gate = submissions, .guard = guard, .memory = memory, .workers = &workers},
      inbound_services{.gate = reports, .guard = guard, .memory = memory, .workers = &workers},
      maintenance{rooms, clock,
                  maintenance_of(config,
                                 [this](instant begun_before) {
                                   return resume_erasures(erasures(), begun_before);
                                 })},
      preflight{{rooms, live, preflight_workers, clock, fresh_dns}, preflight_of(config)},
      rotation{{rooms, live, desk_workers, clock, fresh_dns, config.dkim.folder},
               rotation_of(config)},
      care{.rooms = rooms,
           .workers = desk_workers,
           .clock = clock,
           .dns = fresh_dns,
           .host_name = config.server.host_name,
           .postmaster = config.mail.postmaster,
           .public_origin = origin_of(config.mail.unsubscribe_url),
           .dkim_folder = config.dkim.folder,
           .exports_folder = config.store.folder / "exports",
           .export_key = load_or_create_key(config.store.folder / "keys", "export.key"),
           .notify_queue = [this](instant due) { scheduler.notify(due); },
           .reload_dkim_keys = [this] { reload_dkim_keys(config.dkim.folder, live); },
           .request_compaction = [this] { maintenance.ask_again(); },
           .preflight = &preflight,
           .rotation = &rotation,
           .stop_imports = [this](tenant_id t) { imports.cancel_all(t); }},
      imports{rooms, clock, imports_of(config)},
      reporting{io.get_executor(), rooms, fresh_dns, clock, config},
      api{.rooms = rooms,
          .live = live,
          .workers = desk_workers,
          .clock = clock,
          .dkim_folder = config.dkim.folder,
          .host_name = config.server.host_name,
          .bounce_domain = config.mail.bounce_domain,
          .queue_stats = [this] { return scheduler.stats(); },
          .notify_queue = [this](instant due) { scheduler.notify(due); },
          .reload_dkim_keys = care.reload_dkim_keys,
          .count_sessions = [this] { return count_sessions(); },
          .started_at = clock.now(),
          .socket_roles = {config.admin.desk, config.admin.auditor},
          .console = config.console,
          .care = &care,
          .sign_ups = &sign_ups,
          .maintenance = &maintenance,
          .erasure_hooks = erasure_hooks_of(config.store.folder, rooms, imports),
          .erase_max = config.store.erase_max,
          .password_length_min = config.smtp.password_length_min,
          .imports = &imports,
          .policies = &policies,
          .trials = &trials,
          .orders = &orders,
          .carrier = &carrier,
          .traces = &traces,
          .site_replies = &scheduler.replies(),
          .paths = [this] { return scheduler.paths(); },
          .stops_changed = [this] { scheduler.rules_changed(); },
          .reporting = &reporting,
          .token_keys = config.store.folder / "keys",
          .complaint_max_age = std::chrono::hours{24} * config.complaints.max_age_days},
      admin_server{io.get_executor(),
                   [this](admin::request r) { return admin::serve(api, std::move(r)); },
                   {.connections_max = 256, .connections_per_ip_max = 64},  // six a browser
                   [this](admin::request& r) { return admin::let_in(api, r); }},
      sign_ups{{.rooms = rooms,
                .live = live,
                .clock = clock,
                .host_name = config.server.host_name,
                .site_url = config.public_http.url,
                .notify_queue = [this](instant due) { scheduler.notify(due); }}},
      public_context{rooms, live, clock, sign_ups, site_of(config)},
      public_server{
          io.get_executor(),
          [this](admin::request r) { return public_pages::serve(public_context, std::move(r)); },
          public_limits},
      tasks{io.get_executor()},
      orders{{.rooms = rooms,
              .workers = desk_workers,
              .clock = clock,
              .notify_queue = [this](instant due) { scheduler.notify(due); }},
             tasks},
      signals{io, SIGTERM, SIGINT, SIGHUP} {
  const auto keys = config.store.folder / "keys";
  live.tokens.set(load_token_ring(keys));
  submission_services.auth_secret = load_or_create_key(keys, "auth.key");
  inbound_services.auth_secret = submission_services.auth_secret;
  load_live(config);
  for (unsigned n = 1; n < config.server.io_threads; ++n)
    more_io.push_back(std::make_unique<asio::io_context>(1));
  open_listeners(std::move(sockets));
}

void gateway::state::load_live(const settings& s) {
  load_live_settings(s, policies, live);
  scheduler.rules_changed();
}

void gateway::state::store_broke(const failure& f) {
  is_broken = true;
  log::error("app/gateway", "stopping", {{"cause", f.private_cause}});
  asio::post(io, [this] {
    boost::system::error_code ignored;
    signals.cancel(ignored);
  });
}

void gateway::state::open_listeners(std::vector<int> sockets) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const auto& l = config.listeners[i];
    server::listener_settings where;
    where.adopted = {sockets[i]};
    where.connections_max = config.smtp.connections_max;
    where.connections_per_peer_max = config.smtp.connections_per_ip_max;
    server::tls_source tls;
    if (l.tls != listener_tls::none) tls = [this] { return *live.server_tls.get(); };
    auto& services =
        l.role == server::listener_role::inbound ? inbound_services : submission_services;
    listeners.push_back(std::make_unique<server::listener>(std::move(where), session_of(config, l),
                                                           std::move(tls), services));
    listeners.back()->open();
  }
}

std::size_t gateway::state::count_sessions() const {
  std::size_t count = 0;
  for (const auto& l : listeners) count += l->sessions();
  return count;
}

admin::tls_source gateway::state::http_tls(bool is_wanted) const {
  if (!is_wanted) return {};
  return [this] { return *live.server_tls.get(); };
}

// A socket that is taken stops the start with its exception. What accepts by
// then is ended in order first: a task left running is a broken invariant.
void gateway::state::open_http() {
  try {
    std::uint16_t admin_tcp = 0, public_http = 0;
    admin_server.listen_unix(config.admin.socket);
    if (!config.admin.tcp_host.empty())
      admin_tcp = admin_server.listen_tcp(config.admin.tcp_host, config.admin.tcp_port,
                                          http_tls(config.admin.tls));
    if (!config.public_http.host.empty())
      public_http = public_server.listen_tcp(config.public_http.host, config.public_http.port,
                                             http_tls(config.public_http.tls));
    used_ports ports{.admin_tcp = admin_tcp, .public_http = public_http};
    for (const auto& l : listeners) ports.listeners.push_back(l->bound());
    write_ports(config, ports);
  } catch (...) {
    bool is_closed = false;
    auto done = [&is_closed](std::exception_ptr) { is_closed = true; };
    asio::co_spawn(io, close_http({}), std::move(done));
    while (!is_closed) io.run_one();
    throw;
  }
}

asio::awaitable<void> gateway::state::close_http(std::chrono::milliseconds patience) {
  co_await admin_server.stop(steady_clock::now() + patience);
  co_await public_server.stop(steady_clock::now() + patience);
}

void gateway::state::start() {
  if (auto begun = begin_restored(rooms); !begun)
    throw configuration_error(describe(begun.error()));
  open_http();  // first: nothing else can fail
  // RULES A2 8: an older copy does not know who has withdrawn since.
  api.is_sending = !is_marked_restored(config.store.folder);
  if (api.is_sending)
    scheduler.start();
  else
    log::error("app/gateway", "sending_is_off", {{"why", "restored store: replay the journal"}});
  tasks.spawn(follow_standings(rooms, live, clock, [this](instant d) { scheduler.notify(d); }));
  tasks.spawn(sweep_campaigns({.rooms = rooms,
                               .clock = clock,
                               .notify_queue = [this](instant due) { scheduler.notify(due); },
                               .host_name = config.server.host_name,
                               .postmaster = config.mail.postmaster}));
  tasks.spawn(expire_sign_ups(rooms, clock));
  tasks.spawn(apply_renewals(rooms, live, clock,
                             std::chrono::hours{24} * (config.complaints.max_age_days + 10)));
  transport.start(tasks);
  imports.start();
  tasks.spawn(follow_imports(rooms, clock, desk_workers));
  std::vector<asio::any_io_executor> executors{io.get_executor()};
  for (const auto& m : more_io) executors.push_back(m->get_executor());
  tend_tenants(tasks, care);
  tasks.spawn(maintenance.run());
  if (!config.events.folder.empty())
    tasks.spawn(write_event_log(rooms, desk_workers, clock, event_log_of(config)));
  for (auto& l : listeners) l->start(executors);
  reporting.start(api.is_sending, probe_address_of(config, listeners));
  log::info("app/gateway", "started",
            {{"host", config.server.host_name}, {"policy", live.policy.get()->set->version}});
}

// Takes seconds, so on a worker; one of `tasks`, so that nothing is taken apart under it.
asio::awaitable<void> gateway::state::reload() {
  auto read_again = [this] {
    try {
      const auto next = read_settings(file);
      load_live(next);
      log::configure(next.log);
      log::info("app/gateway", "reloaded", {{"policy", live.policy.get()->set->version}});
      return true;
    } catch (const std::exception& e) {
      log::error("app/gateway", "reload_refused", {{"why", e.what()}});
      return false;
    }
  };
  co_await desk_workers.run(std::move(read_again));
}

asio::awaitable<void> gateway::state::watch_signals() {
  // What breaks before the first wait has no wait to cancel.
  while (!is_broken) {
    const auto [error, number] = co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error || number != SIGHUP) break;
    tasks.spawn(reload());
  }
  co_await stop();
}

asio::awaitable<void> gateway::state::drain_listeners(steady_clock::time_point deadline) {
  for (auto& l : listeners) l->stop_accepting();
  asio::steady_timer poll{io};
  while (count_sessions() != 0 && steady_clock::now() < deadline) {
    poll.expires_after(std::chrono::milliseconds{10});
    co_await poll.async_wait(asio::use_awaitable);
  }
  for (auto& l : listeners) l->cancel();
  for (auto& l : listeners) co_await l->drained();
}

asio::awaitable<void> gateway::state::stop() {
  const auto patience =
      is_broken
          ? std::chrono::duration_cast<std::chrono::milliseconds>(grace_after_break)
          : std::chrono::duration_cast<std::chrono::milliseconds>(config.server.drain_timeout);
  log::info("app/gateway", "draining", {{"sessions", count_sessions()}});
  const auto deadline = steady_clock::now() + patience;
  imports.stop();
  co_await drain_listeners(deadline);
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
  co_await scheduler.stop(std::max(left, std::chrono::milliseconds{200}));
  co_await network.close();
  co_await close_http(std::chrono::seconds{1});
  co_await reporting.close();
  maintenance.cancel();
  tasks.cancel();
  co_await tasks.drained();
  co_await transport.close();
  for (auto& m : more_io) m->stop();
  io.stop();
}

gateway::gateway(settings s, std::filesystem::path file, std::vector<int> sockets,
                 const wall_clock& clock)
    : state_{std::make_unique<state>(std::move(s), std::move(file), std::move(sockets), clock)} {}

gateway::~gateway() = default;

void gateway::replay(const std::filesystem::path& journal_file) {
  auto& s = *state_;
  const auto done = replay_journal(s.erasures(), journal_file);
  if (!done) throw configuration_error(describe(done.error()));
  log::info("app/gateway", "journal_replayed",
            {{"from", done->from.value}, {"through", done->through.value}});
}

int gateway::run() {
  auto& s = *state_;
  s.start();
  // Outside the scope of tasks, which it drains.
  asio::co_spawn(s.io, s.watch_signals(), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  std::vector<std::thread> threads;
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards;
  for (auto& m : s.more_io) {
    guards.push_back(asio::make_work_guard(*m));
    threads.emplace_back([&m] { m->run(); });
  }
  s.io.run();
  for (auto& t : threads) t.join();
  s.rooms.commits.stop();
  if (s.is_broken) return exit_store_broken;
  log::info("app/gateway", "stopped");
  return exit_done;
}

}  // namespace consentry::app
