import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.OrdersApi;
import org.openapitools.client.model.LineInput;
import org.openapitools.client.model.Order;
import org.openapitools.client.model.OrderInput;
import org.openapitools.client.model.OrderPatch;
import org.openapitools.client.model.Status;
import org.openapitools.client.model.StatusInput;

/** Places, reads, amends and cancels an order with the client that openapi-generator makes. */
public class Main {
  public static void main(String[] arguments) throws ApiException {
    ApiClient client = new ApiClient();
    client.updateBaseUri(System.getenv("CAFE"));
    client.setRequestInterceptor(r -> r.header("Authorization", "Bearer " + System.getenv("TOKEN")));
    OrdersApi orders = new OrdersApi(client);
    OrderInput input = new OrderInput().note("from openapi-generator")
        .addLinesItem(new LineInput().sku("latte").quantity(1).addOptionsItem("oat"));
    Order placed = orders.placeOrder(input, "openapi-generator");
    String id = placed.getId();
    var got = orders.getOrderWithHttpInfo(id, null);
    must(got.getData().getTotal().equals(placed.getTotal()), "read", got.getData());
    String tag = got.getHeaders().get("etag").get(0);
    Order amended = orders.amendOrder(tag, id, new OrderPatch().note("amended"));
    must(amended.getNote().equals("amended") && amended.getVersion() == 2, "amended", amended);
    try {
      orders.amendOrder(tag, id, new OrderPatch().note("amended"));
      must(false, "amended with an old tag", id);
    } catch (ApiException e) {
      must(e.getCode() == 412, "amended with an old tag", e);
    }
    Order cancelled = orders.putOrderStatus(id, new StatusInput().status(Status.CANCELLED), null);
    must(cancelled.getStatus() == Status.CANCELLED, "cancelled", cancelled);
    System.out.println("placed, read, amended and cancelled " + id);
  }

  static void must(boolean holds, String what, Object answer) {
    if (!holds) {
      throw new IllegalStateException(what + ": " + answer);
    }
  }
}
