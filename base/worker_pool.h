// Threads for work that would hold up I/O: MIME, scanning, signing, verifying.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <functional>
#include <optional>

namespace consentry {

class worker_pool {
 public:
  explicit worker_pool(unsigned threads);
  ~worker_pool();  // waits for running work

  // Runs f on a worker and resumes the caller on its own executor with what f returned. Exceptions
  // come back too. f must own what it touches: the caller may be cancelled only after it has
  // returned.
  template <class F>
  boost::asio::awaitable<std::invoke_result_t<F>> run(F f);

  void post(std::function<void()> job);
  unsigned size() const noexcept { return size_; }

 private:
  void post_and_return(std::function<void()> job, std::function<void()> back);
  boost::asio::awaitable<void> run_erased(std::function<void()> job);

  boost::asio::thread_pool threads_;
  unsigned size_;
};

template <class F>
boost::asio::awaitable<std::invoke_result_t<F>> worker_pool::run(F f) {
  using value = std::invoke_result_t<F>;
  std::optional<value> out;
  std::exception_ptr error;
  std::function<void()> job = [&out, &error, &f] {
    try {
      out.emplace(f());
    } catch (...) {
      error = std::current_exception();
    }
  };
  co_await run_erased(std::move(job));
  if (error) std::rethrow_exception(error);
  co_return std::move(*out);
}

}  // namespace consentry
