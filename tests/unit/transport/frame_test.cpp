// What is accepted as a frame, and what is refused before anything is allocated for it.
#include "transport/frame.hpp"

#include "support/catch.hpp"

using namespace atl;
using transport::FrameHeader;
using transport::FrameKind;
using transport::FrameRefused;

namespace {

transport::FrameLimits const limits{.body_bytes = 1000, .payload_bytes = 16, .agreement = 77};

// A release with its payload, sealed.
struct Sample {
  protocol::Message message = protocol::Release{3, 48, {0, 2}, {}};
  std::vector<std::byte> body = protocol::encode(message);
  std::vector<std::byte> payload = std::vector(12, std::byte{7});
  FrameHeader header{.kind = FrameKind::message,
                     .body_bytes = static_cast<std::uint32_t>(body.size()),
                     .agreement = 77,
                     .sequence = 7,
                     .payload_bytes = 12};

  Sample() { seal(); }
  void seal() { header.digest = transport::frame_digest(header, body, payload); }
  protocol::Message open() const {
    transport::check_digest(header, body, payload);
    return transport::open_message(body, !payload.empty());
  }
};

FrameHeader decode(FrameHeader const& header) {
  return transport::decode_header(transport::encode_header(header), limits);
}

}  // namespace

TEST_CASE("a header and a frame come back as they were sent") {
  Sample const sample;
  CHECK(decode(sample.header) == sample.header);
  CHECK(sample.open() == sample.message);
}

TEST_CASE("a header is little-endian and begins with the magic word") {
  auto const bytes = transport::encode_header({.kind = FrameKind::farewell, .sequence = 0x0102});
  CHECK(static_cast<char>(bytes[0]) == 'A');
  CHECK(static_cast<char>(bytes[3]) == 'L');
  CHECK(static_cast<int>(bytes[4]) == 4);   // format version
  CHECK(static_cast<int>(bytes[16]) == 2);  // sequence, lowest byte first
  CHECK(static_cast<int>(bytes[17]) == 1);
}

TEST_CASE("an introduction says who speaks, and in which life; another size is none") {
  transport::Introduction const introduction{.site = 3, .life = 7};
  auto body = transport::encode(introduction);
  CHECK(transport::open_introduction(body) == introduction);
  transport::FrameHeader const header{.kind = FrameKind::introduction,
                                      .body_bytes = static_cast<std::uint32_t>(body.size())};
  CHECK(transport::decode_header(transport::encode_header(header), limits) == header);
  body.pop_back();
  CHECK_THROWS_AS(transport::open_introduction(body), FrameRefused);
  auto wrong = header;
  wrong.body_bytes += 1;
  CHECK_THROWS_AS(transport::decode_header(transport::encode_header(wrong), limits), FrameRefused);
}

TEST_CASE("what does not begin like a frame is refused") {
  auto bytes = transport::encode_header(Sample().header);
  CHECK_THROWS_AS(transport::decode_header(std::span(bytes).first(transport::header_bytes - 1), limits),
                  FrameRefused);
  CHECK_THROWS_AS(transport::decode_header({}, limits), FrameRefused);
  SECTION("another magic word") {
    bytes[0] ^= std::byte{1};
    CHECK_THROWS_WITH(transport::decode_header(bytes, limits), "not a frame");
  }
  SECTION("another format version") {
    bytes[4] = std::byte{1};
    CHECK_THROWS_WITH(transport::decode_header(bytes, limits), ContainsSubstring("version"));
  }
  SECTION("an unknown kind") {
    bytes[8] = std::byte{9};
    CHECK_THROWS_WITH(transport::decode_header(bytes, limits), ContainsSubstring("kind"));
  }
}

TEST_CASE("lengths above what the receiver allows are refused by the header alone") {
  Sample sample;
  sample.header.payload_bytes = 16;
  CHECK_NOTHROW(decode(sample.header));
  sample.header.payload_bytes = 17;
  CHECK_THROWS_AS(decode(sample.header), FrameRefused);
  sample.header.payload_bytes = ~std::uint64_t{0};
  CHECK_THROWS_AS(decode(sample.header), FrameRefused);
  sample.header.payload_bytes = 0;
  sample.header.body_bytes = 1001;
  CHECK_THROWS_AS(decode(sample.header), FrameRefused);
}

TEST_CASE("numbers of another deck or model are refused, and what has no numbers is taken") {
  Sample sample;
  sample.header.agreement = 78;
  CHECK_THROWS_WITH(decode(sample.header), "payload of another deck or model");
  sample.header.payload_bytes = 0;
  CHECK_NOTHROW(decode(sample.header));
}

TEST_CASE("a farewell has no contents") {
  CHECK_NOTHROW(decode({.kind = FrameKind::farewell}));
  CHECK_THROWS_AS(decode({.kind = FrameKind::farewell, .body_bytes = 1}), FrameRefused);
  CHECK_THROWS_AS(decode({.kind = FrameKind::farewell, .payload_bytes = 1}), FrameRefused);
}

TEST_CASE("a single flipped bit anywhere is found by the digest") {
  Sample sample;
  SECTION("in the body") { sample.body.back() ^= std::byte{4}; }
  SECTION("in the payload") { sample.payload[11] ^= std::byte{128}; }
  SECTION("in the sequence number") { sample.header.sequence ^= 1; }
  SECTION("in the digest") { sample.header.digest.low ^= 1; }
  CHECK_THROWS_WITH(sample.open(), "wrong digest");
}

TEST_CASE("a sound frame with an unknown message is refused") {
  Sample sample;
  sample.body[0] = std::byte{200};
  sample.seal();
  CHECK_THROWS_AS(sample.open(), FrameRefused);
}

TEST_CASE("a message without the payload it needs is refused, and one with a payload it must not have") {
  Sample sample;
  SECTION("a release without parameters") { sample.payload.clear(); }
  SECTION("a pull with numbers") { sample.body = protocol::encode(protocol::Pull{}); }
  sample.header.body_bytes = static_cast<std::uint32_t>(sample.body.size());
  sample.header.payload_bytes = sample.payload.size();
  sample.seal();
  CHECK_THROWS_WITH(sample.open(), ContainsSubstring("payload"));
}
