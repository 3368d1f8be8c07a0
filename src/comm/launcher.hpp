// The process that started this one for MPI: mpirun, or its daemon on this node.
#pragma once

namespace atl::comm {

// Where Open MPI is to outlive lost processes, it has been seen to outlive an MPI_Abort too, and to keep
// the other processes waiting. If the launcher is still there after some seconds, a process that is no part
// of the job ends what it waits for on this node, and after some more the launcher (SIGTERM, later SIGKILL).
void end_launcher_unless_it_ends();

// A process that is started for a run (MPI_Comm_spawn) meets in MPI_Init who started it, and where that one
// is lost meanwhile, waits for ever. While one of these lives, this process ends itself after half a minute.
class ImpatientStart {
 public:
  ImpatientStart();
  ~ImpatientStart();
  ImpatientStart(ImpatientStart const&) = delete;
  ImpatientStart& operator=(ImpatientStart const&) = delete;
};

}  // namespace atl::comm
