#include "app/flags.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <limits>
#include <sstream>

#include "app/completion.hpp"
#include "base/exit_code.hpp"
#include "deck/nearest.hpp"

namespace atl::app {

namespace {

CLI::Range const from_0(0, 1'000'000'000), from_1(1, 1'000'000'000);
CLI::Range const seeds(std::int64_t{0}, std::numeric_limits<std::int64_t>::max());

void add_train(CLI::App& app, TrainFlags& flags) {
  app.add_option("DECK", flags.deck, "the run, as a TOML file (keys: atoll schema)")->required();
  app.add_option("--set", flags.overrides, "override one key: section.key=value; may be repeated")
      ->allow_extra_args(false);
  app.add_flag("--resume", flags.resume,
               "go on from the newest complete checkpoint of this run, or start where there is none");
  app.add_flag("--check", flags.check,
               "check deck and data, print layout and memory, and stop; only a start reads all tokens");
  app.add_flag("--profile", flags.profile,
               "say at the end where the time of site 0's steps went, and write it for every rank of a site");
  app.add_option("--progress", flags.progress, "progress bar: auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.footer("Example:\n  mpirun -n 3 atoll train inputs/quickstart.toml --set run.name=first");
}

void add_replay(CLI::App& app, ReplayFlags& flags) {
  app.add_option("RUN", flags.run, "the folder of a run that was made with run.deterministic")->required();
  app.add_option("--life", flags.life, "only the part of the run from this start or resume on; default: all");
  app.add_option("--from", flags.from, "only from the checkpoint of this step on, which was taken on the way")
      ->excludes("--life");
  app.add_flag("--json", flags.json, "print one JSON object");
  app.footer(
      "Example:\n  mpirun -n 3 atoll replay runs/quickstart, or atoll launch --replay runs/quickstart");
}

void add_launch(CLI::App& app, LaunchFlags& flags) {
  add_train(app, flags.train);
  auto* const deck = app.get_option("DECK")->required(false);
  auto* const replay =
      app.add_option("--replay", flags.replay.run, "execute the run of this folder again instead")
          ->excludes(deck);
  app.add_option("--life", flags.replay.life, "of the run that is replayed: only this part")->needs(replay);
  app.add_option("--from", flags.replay.from, "of the run that is replayed: only from this checkpoint on")
      ->needs(replay)
      ->excludes("--life");
  app.add_flag("--json", flags.replay.json, "of a replay: print one JSON object")->needs(replay);
  app.add_option("--launcher", flags.launcher, "auto, mpirun or srun")
      ->check(CLI::IsMember({"auto", "mpirun", "srun"}))
      ->capture_default_str();
  auto* const dry_run = app.add_flag("--dry-run", flags.dry_run, "print the command, and stop");
  app.add_flag("--sbatch", flags.sbatch, "print a job script for Slurm, and stop")->excludes(dry_run);
  app.footer("Example:\n  atoll launch inputs/quickstart.toml --set run.name=first");
}

void add_eval(CLI::App& app, EvalFlags& flags) {
  app.add_option("CHECKPOINT", flags.checkpoint,
                 "a checkpoint folder, or a run folder (its newest checkpoint)")
      ->required();
  app.add_option("--data", flags.data,
                 "a token file (.bin, .idx) or a text file; default: the run's validation tokens");
  app.add_option(
         "--batches", flags.batches,
         "at most so many batches, each of the run's inner.batch sequences, of one with a text; 0: all")
      ->check(from_0);
  app.add_flag("--json", flags.json, "print one JSON object");
  app.footer("Example:\n  atoll eval runs/quickstart");
}

void add_generate(CLI::App& app, GenerateFlags& flags) {
  app.add_option("CHECKPOINT", flags.checkpoint,
                 "a checkpoint folder, or a run folder (its newest checkpoint)")
      ->required();
  app.add_option("--prompt", flags.prompt, "text to go on from; default: the beginning of an entry");
  app.add_option("--tokens", flags.tokens, "at most so many tokens; default: 400, or as many as --lines need")
      ->check(from_1);
  app.add_option("--lines", flags.lines, "stop after so many lines that are not blank; 0: no limit")
      ->check(from_0);
  app.add_option("--temperature", flags.temperature, "0: always the likeliest token")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  app.add_option("--top-k", flags.top_k, "draw from the k likeliest tokens; 0: from all")
      ->check(from_0)
      ->capture_default_str();
  app.add_option("--seed", flags.seed, "of the draws")->check(seeds)->capture_default_str();
  app.footer("Example:\n  atoll generate runs/quickstart --lines 20");
}

void add_export(CLI::App& app, ExportFlags& flags) {
  app.add_option("CHECKPOINT", flags.checkpoint,
                 "a checkpoint folder, or a run folder (its newest checkpoint)")
      ->required();
  app.add_option("--out", flags.out, "new folder for config.json, model.safetensors and tokenizer.model")
      ->required();
  app.add_option("--shard-mb", flags.shard_mb,
                 "several files, none larger than so many MiB, unless a tensor is")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  app.add_flag("--json", flags.json, "print one JSON object");
  app.footer("Example:\n  atoll export runs/quickstart --out exported/quickstart");
}

void add_import(CLI::App& app, ImportFlags& flags) {
  app.add_option("MODEL", flags.model, "a Hugging Face model's folder: config.json and safetensors")
      ->required();
  app.add_option("--out", flags.out, "new folder, to be given wherever a checkpoint is")->required();
  app.add_option("--tokenizer", flags.tokenizer,
                 "a SentencePiece model file, \"bytes\" or \"none\"; default: the model's tokenizer.model");
  app.add_flag("--json", flags.json, "print one JSON object");
  app.footer("Example:\n  atoll import downloaded/llama --out models/llama");
}

void add_prepare(CLI::App& app, PrepareFlags& flags) {
  app.add_option("SOURCE", flags.sources, "text files (plain, .gz, .dz) or folders of them")->required();
  app.add_option("--out", flags.out, "folder for tokenizer, token files and dataset.json")->required();
  auto* const vocab = app.add_option("--vocab", flags.vocab, "pieces of the SentencePiece tokenizer")
                          ->check(CLI::Range(300, 65536))
                          ->capture_default_str();
  app.add_flag("--bytes", flags.bytes, "one token per byte, no tokenizer to train");
  app.add_option("--tokenizer", flags.tokenizer,
                 "a tokenizer.model to use instead of training one, such as that of other sites' text")
      ->excludes(vocab);
  app.add_option("--validation-fraction", flags.validation_fraction,
                 "share of the entries kept for validation")
      ->check(CLI::Range(1e-6, 0.5))
      ->capture_default_str();
  app.add_option("--seed", flags.seed, "of the choice of validation entries")
      ->check(seeds)
      ->capture_default_str();
  app.add_flag("--force", flags.force, "replace a dataset that was made with other text or options");
  app.add_flag("--json", flags.json, "print one JSON object");
  app.footer("Example:\n  atoll data prepare /usr/share/dictd/gcide.dict.dz --out data/gcide --vocab 2048");
}

void add_inspect(CLI::App& app, InspectFlags& flags) {
  app.add_option("PATH", flags.path, "a token file, or a folder made by `atoll data prepare` or nanoGPT")
      ->required();
  app.add_option("--tokenizer", flags.tokenizer,
                 "decode the first tokens with this tokenizer.model, or \"bytes\"");
  app.add_flag("--json", flags.json, "print one JSON object");
  app.footer("Example:\n  atoll data inspect data/gcide");
}

void add_inspect_state(CLI::App& app, InspectStateFlags& flags) {
  app.add_option("PATH", flags.path, "a run's folder, or a checkpoint's")->required();
  app.add_flag("--ledger", flags.ledger,
               "of a run: where every token went, from its tapes alone, and whether they agree");
  app.add_flag("--faults", flags.faults, "of a run: each fault, and what it cost")->excludes("--ledger");
  app.add_flag("--json", flags.json, "print one JSON object");
  app.footer("Example:\n  atoll inspect runs/quickstart");
}

void add_simulate(CLI::App& app, SimulateFlags& flags) {
  app.add_option("DECK", flags.deck, "what to simulate, as a TOML file (keys: atoll schema --simulate)")
      ->required();
  app.add_option("--set", flags.overrides, "override one key: section.key=value; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--seeds", flags.seeds, "of a storm: one seed, or first..last")->capture_default_str();
  app.add_flag("--fit", flags.fit, "of a goodput table: find the fleet's times anew");
  app.add_flag("--trace", flags.trace, "of a storm: print every event");
  app.add_flag("--json", flags.json, "print one JSON object");
  app.add_option("--progress", flags.progress, "progress bar: auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.footer("Example:\n  atoll simulate inputs/sim/goodput.toml");
}

// "; did you mean --check?", of the innermost command that was recognised and what was left over; or nothing.
std::string guess(CLI::App const& app) {
  auto const chosen = app.get_subcommands();
  if (!chosen.empty()) return guess(*chosen.front());
  std::vector<std::string> names;
  for (auto const* command : app.get_subcommands([](CLI::App const*) { return true; }))
    names.push_back(command->get_name());
  for (auto const* option : app.get_options())
    for (auto const& name : option->get_lnames()) names.push_back("--" + name);
  std::vector<std::string_view> const known(names.begin(), names.end());
  for (auto const& word : app.remaining()) {
    if (auto const close = deck::nearest(word, known); !close.empty())
      return fmt::format("; did you mean {}?", close);
  }
  return "";
}

// "atoll data prepare": the innermost command that was recognised.
std::string command_of(CLI::App const& app) {
  auto const chosen = app.get_subcommands();
  return chosen.empty() ? app.get_name() : app.get_name() + " " + command_of(*chosen.front());
}

}  // namespace

Parsed parse(int argc, char** argv, bool prints) {
  CLI::App app(
      "atoll trains language models across sites that never wait for one another (Decoupled DiLoCo).",
      "atoll");
  app.set_version_flag("--version", "atoll " ATOLL_VERSION);
  app.require_subcommand(0, 1);  // none is told by us, or a misspelt one would be said to be missing

  TrainFlags train;
  ReplayFlags replay;
  LaunchFlags launch;
  InspectStateFlags inspect_state;
  EvalFlags eval;
  GenerateFlags generate;
  ExportFlags exported;
  ImportFlags imported;
  PrepareFlags prepare;
  InspectFlags inspect;
  SimulateFlags simulate;
  SchemaFlags schema;
  InfoFlags info;
  auto* const train_command = app.add_subcommand("train", "train a model, under mpirun or srun");
  add_train(*train_command, train);
  auto* const launch_command =
      app.add_subcommand("launch", "train: mpirun or srun with the right ranks, a clean stop, an exit code");
  add_launch(*launch_command, launch);
  auto* const replay_command =
      app.add_subcommand("replay", "execute a recorded run again, under mpirun, and compare every digest");
  add_replay(*replay_command, replay);
  auto* const inspect_state_command =
      app.add_subcommand("inspect", "how a run stands, or what a checkpoint holds");
  add_inspect_state(*inspect_state_command, inspect_state);
  auto* const eval_command = app.add_subcommand("eval", "loss of a checkpoint on a text");
  add_eval(*eval_command, eval);
  auto* const generate_command = app.add_subcommand("generate", "text from a checkpoint");
  add_generate(*generate_command, generate);
  auto* const export_command = app.add_subcommand("export", "a checkpoint as a Hugging Face model");
  add_export(*export_command, exported);
  auto* const import_command = app.add_subcommand("import", "a Hugging Face model as a checkpoint");
  add_import(*import_command, imported);
  auto* const data = app.add_subcommand("data", "text to tokens, and what tokens hold");
  data->require_subcommand(1);
  data->footer("Example:\n  atoll data inspect data/gcide");
  auto* const prepare_command =
      data->add_subcommand("prepare", "text files into a tokenizer and token files");
  add_prepare(*prepare_command, prepare);
  auto* const inspect_command = data->add_subcommand("inspect", "what a token file or a dataset holds");
  add_inspect(*inspect_command, inspect);
  auto* const simulate_command =
      app.add_subcommand("simulate", "a fleet or the protocol under a virtual clock");
  add_simulate(*simulate_command, simulate);
  auto* const schema_command =
      app.add_subcommand("schema", "every deck key: type, unit, default, range, meaning");
  auto* const as_json = schema_command->add_flag("--json", schema.json, "print a JSON array");
  schema_command->add_flag("--markdown", schema.markdown, "print the page of docs/")->excludes(as_json);
  schema_command->add_flag("--simulate", schema.simulate, "the keys of simulations instead of those of runs");
  schema_command->footer("Example:\n  atoll schema | less");
  auto* const info_command =
      app.add_subcommand("info", "what this build has: MPI, Kokkos, oneDNN, HDF5, CPU features");
  info_command->add_flag("--json", info.json, "print one JSON object");
  info_command->footer("Example:\n  atoll info");
  std::string shell;
  auto* const completion_command =
      app.add_subcommand("completion", "a script that completes commands and flags in your shell");
  completion_command->add_option("SHELL", shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  completion_command->footer("Example:\n  source <(atoll completion bash)");
  app.footer(
      "Exit codes: 0 done, 2 bad input, 3 failure, 4 watchdog, 75 stopped early and resumable.\n"
      "Example:\n  atoll data prepare TEXT --out data/mine\n"
      "  atoll launch inputs/quickstart.toml --set run.name=mine --set sites.data=data/mine \\\n"
      "    --set data.tokenizer=data/mine/tokenizer.model");

  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) throw CLI::RequiredError("A subcommand");
  } catch (CLI::Success const& asked) {  // --help, --version
    std::ostringstream ignored;
    return {std::nullopt, prints ? app.exit(asked) : app.exit(asked, ignored, ignored)};
  } catch (CLI::ParseError const& error) {
    if (prints) fmt::print(stderr, "error: {}{}; see {} --help\n", error.what(), guess(app), command_of(app));
    return {std::nullopt, static_cast<int>(base::ExitCode::bad_input)};
  }

  if (completion_command->parsed()) {
    fmt::print("{}", completion_script(app, shell));
    return {};
  }
  if (train_command->parsed()) return {train};
  if (launch_command->parsed()) return {launch};
  if (replay_command->parsed()) return {replay};
  if (inspect_state_command->parsed()) return {inspect_state};
  if (eval_command->parsed()) return {eval};
  if (generate_command->parsed()) return {generate};
  if (export_command->parsed()) return {exported};
  if (import_command->parsed()) return {imported};
  if (prepare_command->parsed()) return {prepare};
  if (inspect_command->parsed()) return {inspect};
  if (simulate_command->parsed()) return {simulate};
  if (schema_command->parsed()) return {schema};
  return {info};
}

}  // namespace atl::app
