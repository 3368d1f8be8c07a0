#include "transport_job.hpp"

#include <span>

#include "base/clock.hpp"

namespace atl::test {

namespace {

comm::SiteLayout layout_with(int shards, int site_ranks) {
  deck::RunConfig config;
  config.syncer.ranks = shards;
  config.sites.count = (ranks() - shards) / site_ranks;
  config.sites.ranks = {site_ranks};
  return {config, ranks()};
}

}  // namespace

TransportJob::TransportJob(int shards, int site_ranks) : world(runtime(), layout_with(shards, site_ranks)) {}

TransportJob::~TransportJob() {
  if (transport) transport->close(5.0);
}

transport::MpiTransport& TransportJob::open(std::size_t max_payload_bytes) {
  return open(transport::MpiTransport::Options{.max_payload_bytes = max_payload_bytes});
}

transport::MpiTransport& TransportJob::open(transport::MpiTransport::Options const& options) {
  return transport.emplace(world, options);
}

transport::MpiTransport& TransportJob::open_as_successor(transport::Introduction introduction) {
  world.site = comm::Communicator::split(MPI_COMM_SELF, 0, 0);  // alone
  return transport.emplace(
      world, transport::MpiTransport::Options{.max_payload_bytes = 1 << 26, .introduction = introduction});
}

std::vector<transport::Loss> TransportJob::await_loss(double patience_s) {
  std::vector<transport::Loss> losses;
  double const give_up_s = base::now_s() + patience_s;
  while (losses.empty() && base::now_s() < give_up_s) {
    transport->wait(0.1);
    losses = transport->losses();
  }
  return losses;
}

std::vector<transport::Frame> TransportJob::collect(std::size_t count, double patience_s) {
  std::vector<transport::Frame> frames;
  double const give_up_s = base::now_s() + patience_s;
  while (frames.size() < count && base::now_s() < give_up_s) {
    transport->wait(0.1);
    for (auto& frame : transport->receive()) frames.push_back(std::move(frame));
  }
  return frames;
}

transport::Payload payload_of(std::vector<float> const& values) {
  auto const bytes = std::as_bytes(std::span(values));
  return std::make_shared<std::vector<std::byte> const>(bytes.begin(), bytes.end());
}

transport::Payload payload_of(std::size_t size, float value) {
  return payload_of(std::vector<float>(size, value));
}

protocol::Contribution contribution(std::uint64_t round) {
  protocol::Contribution message;
  message.round = round;
  return message;
}

protocol::Release release(std::uint32_t fragment, std::uint64_t version) {
  protocol::Release message;
  message.fragment = fragment;
  message.version.commits = version;
  return message;
}

protocol::Report report(int number) { return {std::to_string(number)}; }

int number_in(transport::Frame const& frame) {
  auto const* report = std::get_if<protocol::Report>(&frame.message);
  return report ? std::stoi(report->line) : -1;
}

}  // namespace atl::test
