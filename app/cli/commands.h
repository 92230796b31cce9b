// The commands of `consentry`. Each group adds its subcommands to the parser; the chosen one leaves
// what to run in `chosen`.
#pragma once

#include <functional>
#include <string>

#include "app/cli/daemon_client.h"

namespace CLI {
class App;
}

namespace consentry::app::cli {

struct context {
  daemon_address socket;
  bool json = false;
  std::function<int()> chosen;  // returns the exit code
};

// tenant, domain, credential, consent import|show|withdraw, evidence, notice, queue, standing,
// block, unblock, why, journal, stats
void add_daemon_commands(CLI::App& app, context& c);
// Its groups, a file each.
void add_tenant_commands(CLI::App& app, context& c);
void add_appeal_commands(CLI::App& app, context& c);
void add_domain_commands(CLI::App& app, context& c);
void add_preflight_command(CLI::App& domain, context& c);
void add_credential_commands(CLI::App& app, context& c);
void add_exempt_commands(CLI::App& tenant, context& c);
void add_transfer_commands(CLI::App& tenant, context& c);
void add_template_commands(CLI::App& app, context& c);
void add_consent_commands(CLI::App& consent, context& c);
void add_person_commands(CLI::App& app, context& c);
void add_store_commands(CLI::App& app, context& c);
void add_journal_export(CLI::App& journal, context& c);
void add_evidence_commands(CLI::App& app, context& c);
void add_pack_commands(CLI::App& evidence, context& c);
void add_watch_commands(CLI::App& app, context& c);  // top, availability, sent
void add_import_commands(CLI::App& consent, context& c);
void add_queue_commands(CLI::App& app, context& c);
void add_trace_command(CLI::App& app, context& c);
void add_site_commands(CLI::App& queue, context& c);
void add_objection_command(CLI::App& consent, context& c);
void add_campaign_commands(CLI::App& app, context& c);
void add_suppression_commands(CLI::App& app, context& c);
void add_webhook_commands(CLI::App& app, context& c);  // webhook, outcomes
void add_user_commands(CLI::App& app, context& c);
void add_token_commands(CLI::App& app, context& c);
void add_form_commands(CLI::App& app, context& c);  // form, doi-template
void add_policy_commands(CLI::App& app, context& c);
void add_why_command(CLI::App& app, context& c, const std::string& name);
void add_bounce_commands(CLI::App& app, context& c);
void add_arf_commands(CLI::App& app, context& c);
void add_report_commands(CLI::App& app, context& c);  // reports, confirm-complaint, token-key ...
// scan, address check, dkim sign|verify, consent last-day
void add_offline_commands(CLI::App& app, context& c);

}  // namespace consentry::app::cli
