#include "proto/tcp_proxy.hpp"

#include "proto/json.hpp"

namespace gantry {

std::string tcp_proxy_host(const ServiceInstance& instance, std::string_view base_domain) {
  if (base_domain == "localhost") return std::string(base_domain);
  return instance.host_label + "." + std::string(base_domain);
}

bool is_tcp_proxy_variable(std::string_view name) {
  for (const std::string_view prefix : {"RAILWAY_", "GANTRY_"})
    if (name.starts_with(prefix)) {
      name.remove_prefix(prefix.size());
      return name == "TCP_PROXY_DOMAIN" || name == "TCP_PROXY_PORT" ||
             name == "TCP_APPLICATION_PORT";
    }
  return false;
}

void append_tcp_proxy(JsonObject& object, const ServiceInstance& instance,
                      std::string_view base_domain) {
  if (!instance.tcp_proxy) {
    object.null("tcp_proxy");
    return;
  }
  JsonObject(object.at("tcp_proxy"))
      .text("host", tcp_proxy_host(instance, base_domain))
      .number("port", instance.tcp_proxy->port)
      .number("target_port", instance.tcp_proxy->target_port);
}

}  // namespace gantry
