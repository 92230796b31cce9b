// A resolver over an embedded zone, an io_context it runs on, and coroutines run to their end.
#pragma once

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "smtp/dns/resolver.h"

namespace consentry::smtp::dns {

// A folder that goes when it goes.
class scratch_folder {
 public:
  scratch_folder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "consentry-dns-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("mkdtemp");
    path_ = pattern;
  }
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream{path_ / name} << text;
    return path_ / name;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The I/O thread that the resolver lives on.
class dns_runner {
 public:
  explicit dns_runner(const resolver_settings& s)
      : work_{boost::asio::make_work_guard(io_)},
        dns{io_.get_executor(), s},
        thread_{[this] { io_.run(); }} {}
  ~dns_runner() {
    io_.stop();
    thread_.join();
  }

  template <class T>
  T run(boost::asio::awaitable<T> task) {
    return boost::asio::co_spawn(io_, std::move(task), boost::asio::use_future).get();
  }
  boost::asio::io_context& io() { return io_; }

 private:
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;

 public:
  resolver dns;

 private:
  std::thread thread_;
};

inline resolver_settings embedded(const scratch_folder& folder, const std::string& zone,
                                  const std::string& text) {
  resolver_settings s;
  s.zones.push_back({zone, folder.write("zone", text)});
  s.forwarders = {"127.0.0.1@9"};  // nothing of ours may leave the machine
  s.timeout = std::chrono::seconds{20};
  return s;
}

}  // namespace consentry::smtp::dns
