// Asks a SavedModel through the C++ loader that TensorFlow Serving is built on.
//
// Usage: ask_saved_model EXPORT_DIR REQUEST_DIR...
// A REQUEST_DIR holds `signature` (its name) and one serialised TensorProto a file, named <input>.in. Gets one named
// <output>.out for each output, or `error` with the text of the refusal.

#include <dirent.h>

#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/framework/tensor.pb.h"
#include "tensorflow/core/public/session.h"
#include "tensorflow/core/public/session_options.h"

namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// Names of the files of a folder that end in .in, without that.
std::vector<std::string> InputsIn(const std::string& folder) {
  std::vector<std::string> names;
  DIR* directory = opendir(folder.c_str());
  while (const dirent* entry = readdir(directory)) {
    const std::string name = entry->d_name;
    if (name.size() > 3 && name.substr(name.size() - 3) == ".in") names.push_back(name.substr(0, name.size() - 3));
  }
  closedir(directory);
  return names;
}

bool Ask(const tensorflow::SavedModelBundle& bundle, const std::string& folder) {
  const auto& signature = bundle.GetSignatures().at(ReadFile(folder + "/signature"));
  std::vector<std::pair<std::string, tensorflow::Tensor>> inputs;
  for (const std::string& name : InputsIn(folder)) {
    tensorflow::TensorProto proto;
    tensorflow::Tensor tensor;
    if (!proto.ParseFromString(ReadFile(folder + "/" + name + ".in")) || !tensor.FromProto(proto)) return false;
    inputs.emplace_back(signature.inputs().at(name).name(), tensor);
  }
  std::vector<std::string> names, fetched;
  for (const auto& output : signature.outputs()) {
    names.push_back(output.first);
    fetched.push_back(output.second.name());
  }
  std::vector<tensorflow::Tensor> outputs;
  const auto status = bundle.GetSession()->Run(inputs, fetched, {}, &outputs);
  if (!status.ok()) {
    WriteFile(folder + "/error", std::string(status.message()));
    return true;
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    tensorflow::TensorProto proto;
    outputs[i].AsProtoField(&proto);  // as the server does
    WriteFile(folder + "/" + names[i] + ".out", proto.SerializeAsString());
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  tensorflow::SessionOptions options;
  options.config.set_intra_op_parallelism_threads(1);
  options.config.set_inter_op_parallelism_threads(1);
  tensorflow::SavedModelBundle bundle;
  const auto status = tensorflow::LoadSavedModel(options, tensorflow::RunOptions(), argv[1], {"serve"}, &bundle);
  if (!status.ok()) {
    std::cerr << status.message() << "\n";
    return 1;
  }
  for (int i = 2; i < argc; ++i) {
    if (!Ask(bundle, argv[i])) return 1;
  }
  return 0;
}
