// A small process beside this one, which kills or stops it with real signals: what a program does to itself
// is not what happens to it.
#pragma once

#include <sys/types.h>

namespace atl::train {

class ChaosHand {
 public:
  // Starts it. Throws RuntimeFailure.
  ChaosHand();
  ~ChaosHand();  // it ends when nobody can command it any more
  ChaosHand(ChaosHand const&) = delete;
  ChaosHand& operator=(ChaosHand const&) = delete;

  // Local. Some time later it happens.
  void kill();
  void stall(double for_s);  // SIGSTOP, then SIGCONT

 private:
  void command(double stall_s);

  int commands_ = -1;
  pid_t process_ = -1;
};

// The first argument of the program that makes it such a process.
inline constexpr char const* chaos_hand_word = "chaos-hand";
// What it does: carries out what is commanded by standard input, on `process`, its parent. Returns the exit
// code.
int be_chaos_hand(char const* process);

}  // namespace atl::train
