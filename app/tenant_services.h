// What the tenant's life needs besides the store: mail of our own, DNS, a pool for what takes long.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "app/store_rooms.h"
#include "base/clock.h"
#include "base/worker_pool.h"
#include "smtp/address.h"
#include "smtp/auth/key_folder.h"
#include "smtp/dns/resolver.h"

namespace consentry::app {

class dkim_rotation;
class sender_preflight;

// All outlive the tasks and resources that use it.
struct tenant_services {
  store_rooms& rooms;
  worker_pool& workers;  // for what holds a thread up: long reads, files
  const wall_clock& clock;
  smtp::dns::resolver& dns;
  std::string host_name;
  smtp::mailbox postmaster;   // who writes to contacts
  std::string public_origin;  // "https://mail.example.hu": where /a/<token> is reached
  smtp::auth::key_folder dkim_folder;
  std::filesystem::path exports_folder;  // made when needed
  std::string export_key;                // 32 bytes: seals hand-overs (app/tenant_export.h)
  std::function<void(instant due)> notify_queue;
  std::function<void()> reload_dkim_keys;  // throws configuration_error
  // Asks that freed database pages and spool records be overwritten (RULES A2 10: physically gone
  // within 24 hours). May be called often.
  std::function<void()> request_compaction;
  sender_preflight* preflight = nullptr;        // nullptr: nobody looks at sender domains
  dkim_rotation* rotation = nullptr;            // nullptr: keys are not changed here
  std::function<void(tenant_id)> stop_imports;  // before the tenant's rows are removed
};

// "https://host:port" of a URL; empty if it has none.
std::string origin_of(const std::string& url);

}  // namespace consentry::app
