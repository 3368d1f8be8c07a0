// The outside views of the key table: schema, echo, agreement.
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "problems.hpp"

using namespace atl;
using namespace atl::test;

namespace {

// Every key that users' decks and the documentation rely on.
std::map<std::string, std::string> const fixed_keys = {
    {"run",
     "name steps stop seed deterministic method initial_model walltime_s walltime_margin_s watchdog_s"},
    {"sites", "count ranks repair spares step_floor_s data"},
    {"syncer", "ranks replicas"},
    {"model",
     "family layers width heads kv_heads ffn_width context vocab tied_embeddings norm_eps rope_theta "
     "recompute precision"},
    {"data", "tokenizer validation_fraction"},
    {"inner",
     "optimizer batch micro_batch lr warmup_steps schedule decay_fraction min_lr_ratio betas momentum "
     "muon_momentum weight_decay clip_norm shard_optimizer"},
    {"outer",
     "interval_steps fragments partition quorum overlap_steps grace grace_fraction grace_floor_steps "
     "grace_cap_s "
     "optimizer lr momentum merge anchor receive blend late late_discount max_staleness gate_z in_flight "
     "codec "
     "release_codec dead_after_s"},
    {"link", "delay_ms bandwidth_mbit_s pause_every_steps"},
    {"chaos", "at_step do site shard rank for_s factor how"},
    {"storm", "faults_per_hour seed do for_s"},
    {"checkpoint", "every_steps every_s keep keep_every_steps"},
    {"eval", "every_steps batches"},
    {"output", "report_every_steps tensorboard trace"},
};

std::string path(deck::KeyDoc const& doc) { return doc.section + '.' + doc.key; }

// The lines "key = value" of an echo, as "section.key" and value.
std::map<std::string, std::string> values_of(std::string const& echo) {
  std::map<std::string, std::string> values;
  std::istringstream in(echo);
  std::string section;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('['))
      section = line.substr(line.rfind('[') + 1, line.find(']') - line.rfind('[') - 1);
    if (auto const equals = line.find(" = "); equals != line.npos)
      values[section + '.' + line.substr(0, equals)] = line.substr(equals + 3);
  }
  return values;
}

// Other than the default in every key that this version can have otherwise.
deck::RunConfig unusual() {
  deck::RunConfig c;
  c.run = {.name = "other",
           .steps = 1000,
           .stop = deck::Stop::each,
           .seed = 99,
           .deterministic = false,
           .method = deck::Method::data_parallel,
           .initial_model = "runs/other",
           .walltime_s = 0.1,
           .walltime_margin_s = 7.0,
           .watchdog_s = 8.0};
  c.sites = {.count = 3, .ranks = {5}, .step_floor_s = {1e-7, 2.0, 0.0}, .data = {"a \"quoted\" \\ path\n"}};
  c.syncer = {.ranks = 2};
  c.model = {.family = deck::Family::gpt2,
             .layers = 1,
             .width = 60,
             .heads = 6,
             .kv_heads = 6,
             .ffn_width = 7,
             .context = 11,
             .vocab = 13,
             .tied_embeddings = false,
             .norm_eps = 1e-6,
             .rope_theta = 5e5,
             .recompute = true,
             .precision = deck::Precision::bf16};
  c.data = {.tokenizer = "bytes", .validation_fraction = 1.0 / 3.0};
  c.inner = {.optimizer = deck::InnerOptimizerKind::muon,
             .batch = 20,
             .micro_batch = 3,
             .lr = 1.0,
             .warmup_steps = 0,
             .schedule = deck::Schedule::wsd,
             .decay_fraction = 0.5,
             .min_lr_ratio = 0.0,
             .betas = {0.0, 0.999},
             .momentum = 0.9,
             .muon_momentum = 0.0,
             .weight_decay = 0.0,
             .clip_norm = 0.0,
             .shard_optimizer = true};
  c.outer = {.interval_steps = 30,
             .fragments = 5,
             .partition = deck::PartitionKind::strided,
             .quorum = 3,
             .overlap_steps = 0,
             .grace = deck::GraceKind::fixed,
             .grace_s = 2.0,
             .grace_fraction = 0.5,
             .grace_floor_steps = 0.0,
             .grace_cap_s = 1e-3,
             .optimizer = deck::OuterOptimizerKind::sgd,
             .lr = 1e-10,
             .momentum = 0.0,
             .merge = deck::MergeKind::average,
             .anchor = deck::Anchor::current,
             .receive = deck::Receive::rebase,
             .blend = 0.25,
             .late = deck::Late::carry,
             .late_discount = 1.0,
             .max_staleness = 1,
             .gate_z = 2.5,
             .in_flight = 1,
             .codec = deck::Codec::e3m0,
             .release_codec = deck::Codec::int4,
             .dead_after_s = 2.5};
  c.link = {.delay_ms = 0.5, .bandwidth_mbit_s = 10.0, .pause_every_steps = 20};
  c.chaos = {{.at_step = 7, .site = 2, .rank = 4},
             {.at_step = 9,
              .kind = deck::ChaosKind::slow,
              .site = 1,
              .shard = -1,
              .rank = -1,
              .for_s = 0.25,
              .factor = 3.0,
              .how = deck::Corruption::norm}};
  c.storm = {.faults_per_hour = 125.0, .seed = 3, .kinds = {deck::ChaosKind::slow}, .for_s = {0.1, 0.2}};
  c.checkpoint = {.every_steps = 0, .every_s = 60.0, .keep = 1, .keep_every_steps = 1000};
  c.eval = {.every_steps = 0, .batches = 1};
  c.output = {.report_every_steps = 1, .tensorboard = true, .trace = true};
  return c;
}

}  // namespace

TEST_CASE("the schema has every key of the outside contract, each once, and says what it means") {
  std::set<std::string> listed;
  for (auto const& doc : deck::schema()) {
    INFO(path(doc));
    CHECK(listed.insert(path(doc)).second);
    CHECK_FALSE(doc.type.empty());
    CHECK_FALSE(doc.default_value.empty());
    CHECK_FALSE(doc.meaning.empty());
    CHECK((doc.type == "string" || doc.type == "string or list of strings" || !doc.range.empty()));
  }
  for (auto const& [section, keys] : fixed_keys) {
    std::istringstream in(keys);
    for (std::string key; in >> key;) CHECK(listed.contains(section + '.' + key));
  }
}

TEST_CASE("the schema names unit, range and default") {
  std::map<std::string, deck::KeyDoc> docs;
  for (auto const& doc : deck::schema()) docs[path(doc)] = doc;
  CHECK(docs["run.steps"].unit == "steps");
  CHECK(docs["outer.momentum"].range == "0 <= x < 1");
  CHECK(docs["outer.codec"].range == "fp32 | bf16 | int8 | int4 | e3m0");
  CHECK(docs["outer.grace"].default_value == "\"adaptive\"");
  CHECK(docs["inner.betas"].default_value == "[0.9, 0.95]");
}

TEST_CASE("the defaults of the schema are the defaults of the config") {
  for (auto const& [key, value] : values_of(deck::echo({}))) {
    bool found = false;
    for (auto const& doc : deck::schema()) found |= path(doc) == key && doc.default_value == value;
    INFO(key << " = " << value);
    CHECK(found);
  }
}

TEST_CASE("an echoed config parses to the same config, whatever it says") {
  auto const config = unusual();
  CHECK(deck::parse(deck::echo(config), "echo", {}) == config);
  CHECK(deck::parse(deck::echo({}), "echo", {}) == deck::RunConfig{});

  auto no_grace = config;
  no_grace.outer.grace = deck::GraceKind::none;
  no_grace.outer.grace_s = 0.0;
  CHECK(deck::parse(deck::echo(no_grace), "echo", {}) == no_grace);
}

TEST_CASE("the config of the echo test differs from the defaults in every key that can") {
  auto const values = values_of(deck::echo(unusual()));
  std::set<std::string> unchanged;
  for (auto const& doc : deck::schema())
    if (values.at(path(doc)) == doc.default_value) unchanged.insert(path(doc));
  CHECK(unchanged == std::set<std::string>{"chaos.shard", "sites.repair", "sites.spares", "syncer.replicas"});
}

TEST_CASE("the agreement holds what makes model, fragments and outer rule, and no private matter") {
  std::set<std::string> const whole = {"syncer", "model", "outer"};
  std::set<std::string> const private_keys = {"in_flight", "recompute"};
  std::set<std::string> const others = {"run.steps",  "run.stop",    "run.seed",    "run.deterministic",
                                        "run.method", "sites.count", "sites.ranks", "inner.batch"};
  auto const agreement = '\n' + deck::agreement({});
  for (auto const& doc : deck::schema()) {
    INFO(path(doc));
    bool const agreed =
        whole.contains(doc.section) ? !private_keys.contains(doc.key) : others.contains(path(doc));
    CHECK(agreed == (agreement.find('\n' + path(doc) + " = " + doc.default_value + '\n') != agreement.npos));
  }
}

TEST_CASE("a resumed run may have another length, layout and report, but no other model, data or rule") {
  auto now = unusual();
  deck::RunConfig const saved;
  std::set<std::string> conflicts;
  for (auto const& problem : deck::resume_conflicts(saved, now)) {
    CHECK(problem.where == "--resume");
    CHECK_THAT(problem.remedy, ContainsSubstring("start a new run"));
    conflicts.insert(problem.what.substr(0, problem.what.find(' ')));
  }
  for (std::string const key :
       {"run.method", "run.seed", "run.stop", "sites.data", "model.width", "data.tokenizer", "inner.batch",
        "inner.lr", "inner.optimizer", "outer.fragments", "outer.interval_steps", "outer.lr", "outer.late"}) {
    INFO(key);
    CHECK(conflicts.contains(key));
  }
  for (std::string const key :
       {"run.steps", "run.name", "run.walltime_s", "run.walltime_margin_s", "run.watchdog_s", "sites.count",
        "sites.ranks", "syncer.ranks", "inner.micro_batch", "inner.shard_optimizer", "model.recompute",
        "outer.quorum", "outer.grace", "outer.dead_after_s", "checkpoint.keep", "eval.batches",
        "output.trace", "link.pause_every_steps"}) {
    INFO(key);
    CHECK_FALSE(conflicts.contains(key));
  }
}

TEST_CASE("differences are the keys that two configs do not share, with the first one's values") {
  deck::RunConfig config;
  CHECK(deck::differences(config, {}).empty());
  config.run.name = "mine";
  config.outer.grace = deck::GraceKind::none;
  CHECK(deck::differences(config, {}) == "run.name = \"mine\"\nouter.grace = \"none\"\n");
}

TEST_CASE("a key that differs on resume is named with both values") {
  deck::RunConfig saved, now;
  CHECK(deck::resume_conflicts(saved, now).empty());
  now.model.width = 128;
  auto const problems = deck::resume_conflicts(saved, now);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].what == "model.width = 128, the checkpoint has 256");
}

TEST_CASE("the deck reference in docs is that of these keys") {
  std::ifstream in(std::filesystem::path(ATOLL_TEST_DOCS_FOLDER) / "deck.md");
  std::string const page(std::istreambuf_iterator<char>(in), {});
  INFO("to renew it: atoll schema --markdown > docs/deck.md");
  CHECK((page == deck::reference()));  // without the two pages in the message
}
