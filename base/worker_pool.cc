#include "base/worker_pool.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/prefer.hpp>
#include <memory>

namespace consentry {

namespace asio = boost::asio;

worker_pool::worker_pool(unsigned threads) : threads_{threads}, size_{threads} {}

worker_pool::~worker_pool() {
  threads_.join();
}

void worker_pool::post(std::function<void()> job) {
  asio::post(threads_, std::move(job));
}

void worker_pool::post_and_return(std::function<void()> job, std::function<void()> back) {
  asio::post(threads_, [job = std::move(job), back = std::move(back)] {
    job();
    back();
  });
}

asio::awaitable<void> worker_pool::run_erased(std::function<void()> job) {
  auto initiate = [this, job = std::move(job)](auto handler) mutable {
    auto executor = asio::get_associated_executor(handler);
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    auto guard = asio::make_work_guard(executor);
    // Whatever counts as work of the caller's io_context goes back with the resumption: once the
    // caller runs on, that io_context may end before this thread has let go of its copies.
    auto back = [shared = std::move(shared), guard = std::move(guard)]() mutable {
      const auto to =
          asio::prefer(guard.get_executor(), asio::execution::outstanding_work.untracked);
      auto resume = [shared = std::move(shared), guard = std::move(guard)] { (*shared)(); };
      asio::post(to, std::move(resume));
    };
    post_and_return(std::move(job), std::move(back));
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(std::move(initiate),
                                                                        asio::use_awaitable);
}

}  // namespace consentry
