"""Plays the stack on this machine. It transforms template.yaml and deploys it into moto's
CloudFormation, as far as moto can. The functions are those that `sam build` made, with the
environment that the stack gives them. What AWS does between them (stream, filters,
notifications, schedule, state machine) is done here, as the stack describes it.

    play.py [BUILD]        BUILD: what `sam build` made for this machine's processor

The table is in DynamoDB Local (AWS_ENDPOINT_URL_DYNAMODB), created from the template, since
the images in moto's stream differ from the items. Every call that a function makes is
compared with the role that the stack gives it. UNPLAYED lists what moto does not play; the
run fails when the list is no longer true.
"""

import ast
import base64
import contextlib
import fnmatch
import hashlib
import hmac
import http.client
import http.server
import io
import json
import logging
import os
import pathlib
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
import warnings
import zipfile

DYNAMODB = os.environ.pop("AWS_ENDPOINT_URL_DYNAMODB", "")
for name in [n for n in os.environ if n.startswith("AWS_")]:
    del os.environ[name]
os.environ.update(AWS_DEFAULT_REGION="eu-west-2", AWS_ACCESS_KEY_ID="play", AWS_SECRET_ACCESS_KEY="play")

import boto3  # noqa: E402
import moto.awslambda.models as lambdas  # noqa: E402
import moto.awslambda_simple.models as simple  # noqa: E402
import moto.stepfunctions.parser.asl.component.common.retry.retrier_decl as retrier  # noqa: E402
from moto import mock_aws  # noqa: E402
from moto.cloudformation import parsing  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

import transform  # noqa: E402

ROOT = transform.ROOT
STACK, REGION, ACCOUNT = "cafe-test", "eu-west-2", "123456789012"

# What moto's CloudFormation does not create, and what is done instead.
NOTHING = "nothing; internal/stack tests what the template says"
UNPLAYED = {
    "AWS::ApiGateway::Account": NOTHING,
    "AWS::ApiGateway::ApiKey": NOTHING,
    "AWS::ApiGateway::Deployment": "nothing: it wants methods, which moto does not read from a Body",
    "AWS::ApiGateway::Stage": "authorizer and API are called one after the other, as the stage does",
    "AWS::ApiGateway::UsagePlan": NOTHING,
    "AWS::ApiGateway::UsagePlanKey": NOTHING,
    "AWS::AppConfig::Application": NOTHING,
    "AWS::AppConfig::ConfigurationProfile": NOTHING,
    "AWS::AppConfig::HostedConfigurationVersion": NOTHING,
    "AWS::Budgets::Budget": NOTHING,
    "AWS::CloudWatch::Alarm": NOTHING,
    "AWS::CodeDeploy::Application": NOTHING,
    "AWS::CodeDeploy::DeploymentGroup": NOTHING,
    "AWS::Cognito::UserPool": "tokens are signed with a shared secret",
    "AWS::Cognito::UserPoolClient": "the same",
    "AWS::Cognito::UserPoolGroup": "the same",
    "AWS::Lambda::Alias": "the function itself takes its place",
    "AWS::Lambda::EventInvokeConfig": NOTHING,
    "AWS::S3::BucketPolicy": NOTHING,
    "AWS::SNS::Subscription": "those of queues are made by hand, with their filter policies",
    "AWS::SNS::TopicPolicy": NOTHING,
    "AWS::SQS::QueuePolicy": NOTHING,
    "AWS::Scheduler::Schedule": "what it would send is sent",
    "AWS::SecretsManager::Secret": "the secrets are set in the functions' environment",
    "AWS::WAFv2::LoggingConfiguration": NOTHING,
    "AWS::WAFv2::WebACL": NOTHING,
    "AWS::WAFv2::WebACLAssociation": NOTHING,
}

passed = 0


def check(what, got, want=True):
    global passed
    if got != want:
        raise SystemExit(f"{what}: got {got!r}, want {want!r}")
    passed += 1
    print("ok", what)


# ---- The stack -------------------------------------------------------------------------


def without_unplayed(template):
    """Removes what moto does not create. A reference to it becomes its name."""
    gone = {name for name, r in template["Resources"].items() if r["Type"] in UNPLAYED}

    def mend(value):
        if isinstance(value, list):
            return [mend(v) for v in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            kind, argument = next(iter(value.items()))
            name = argument[0] if kind == "Fn::GetAtt" else argument
            if kind in ("Ref", "Fn::GetAtt") and name in gone:
                return {"Ref": "ApiFunction"} if template["Resources"][name]["Type"] == "AWS::Lambda::Alias" else name
            if kind == "Fn::Sub":
                text, own = (argument, {}) if isinstance(argument, str) else argument
                text = text.replace("${ApiFunctionAliaslive}", "${ApiFunction}")
                text = re.sub(r"\$\{(\w+)(\.\w+)?\}", lambda m: m[1] if m[1] in gone else m[0], text)
                return {"Fn::Sub": [text, mend(own)] if own else text}
        return {k: mend(v) for k, v in value.items()}

    resources = {}
    for name, r in template["Resources"].items():
        if name in gone:
            continue
        r = mend(r)
        needs = [n for n in ([r["DependsOn"]] if isinstance(r.get("DependsOn"), str) else r.get("DependsOn", [])) if n not in gone]
        r.pop("DependsOn", None)
        resources[name] = dict(r, DependsOn=needs) if needs else r
    return dict(template, Resources=resources, Outputs=mend(template["Outputs"]))


def deploy(**parameters):
    """Deploys the stack. Returns the resources' physical ids, and the outputs."""
    template = transform.transform(parameters)
    kinds = {r["Type"] for r in template["Resources"].values()}
    check("UNPLAYED names what the template has", sorted(set(UNPLAYED) - kinds), [])
    unknown = sorted(k for k in kinds if parsing.resource_class_from_type(k) is None and k not in UNPLAYED)
    check("moto makes the rest", unknown, [])
    now_played = sorted(k for k in UNPLAYED if parsing.resource_class_from_type(k) is not None and k != "AWS::ApiGateway::Deployment")
    check("and nothing of UNPLAYED", now_played, [])
    template = without_unplayed(template)
    s3, cf = boto3.client("s3"), boto3.client("cloudformation")
    s3.create_bucket(Bucket="packages", CreateBucketConfiguration={"LocationConstraint": REGION})
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as z:
        z.writestr("bootstrap", "")
    s3.put_object(Bucket="packages", Key="code", Body=package.getvalue())
    s3.put_object(Bucket="packages", Key="template.json", Body=json.dumps(template))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cf.create_stack(
            StackName=STACK,
            TemplateURL=f"https://packages.s3.{REGION}.amazonaws.com/template.json",
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        )
    stack = cf.describe_stacks(StackName=STACK)["Stacks"][0]
    check("the stack is deployed", stack["StackStatus"], "CREATE_COMPLETE")
    made = {}
    for page in cf.get_paginator("list_stack_resources").paginate(StackName=STACK):
        made |= {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in page["StackResourceSummaries"]}
    held = {"true": True, "false": False}
    left_out = {name for name, r in template["Resources"].items() if name not in made}
    conditional = {name for name, r in template["Resources"].items() if "Condition" in r}
    check("with all its resources", sorted(left_out - conditional), [])
    check("and those of the own key", "Key" in made, held[parameters.get("CustomerManagedKey", "false")])
    print(f"   {len(made)} resources of {len(template['Resources'])}")
    return template, made, {o["OutputKey"]: o["OutputValue"] for o in stack["Outputs"]}


# ---- Functions ---------------------------------------------------------------------------


class Failed(Exception):
    """An error that a function answered."""


class Function:
    """Runs a function as Lambda does: its bootstrap asks the runtime API for work."""

    def __init__(self, build, name, environment):
        self.work, self.answers = queue.Queue(), queue.Queue()
        outer = self

        class Runtime(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                body = outer.work.get()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "11111111-2222-3333-4444-555555555555")
                self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + 60) * 1000)))
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", name)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                else:
                    body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                outer.answers.put((self.path.endswith("/error"), body))
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Runtime)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [build / name / "bootstrap"],
            env=environment | {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:%d" % self.server.server_port, "AWS_LAMBDA_FUNCTION_NAME": name},
            stdout=self.log,
            stderr=self.log,
        )

    def invoke(self, event):
        self.work.put(json.dumps(event).encode())
        failed, body = self.answers.get(timeout=60)
        if failed:
            self.log.seek(0)
            raise Failed(body.decode() + "\n" + self.log.read().decode()[-2000:])
        return json.loads(body or b"null")

    def close(self):
        self.process.kill()
        self.process.wait()
        self.server.shutdown()
        self.log.close()


class Calls:
    """Serves moto over HTTP and records the calls; the access key names the function."""

    def __init__(self):
        self.made = set()
        dispatcher = DomainDispatcherApplication(create_backend_app)
        local = urllib.parse.urlsplit(DYNAMODB)

        def forward(environ, body, start_response):
            headers = {k[5:].replace("_", "-"): v for k, v in environ.items() if k.startswith("HTTP_") and k != "HTTP_HOST"}
            connection = http.client.HTTPConnection(local.hostname, local.port, timeout=30)
            connection.request("POST", "/", body, headers | {"Content-Type": environ["CONTENT_TYPE"]})
            answer = connection.getresponse()
            content = answer.read()
            kept = [(k, v) for k, v in answer.getheaders() if k.lower() in ("content-type", "x-amzn-requestid", "x-amz-crc32")]
            start_response(f"{answer.status} {answer.reason}", kept + [("Content-Length", str(len(content)))])
            connection.close()
            return [content]

        def application(environ, start_response):
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = io.BytesIO(body)
            who = re.search(r"Credential=(\w+)/\d+/[\w-]+/(\w+)/", environ.get("HTTP_AUTHORIZATION", ""))
            if who:
                for action, resource in self.asked(who[2], environ, body):
                    self.made.add((who[1], action, resource))
                if who[2] == "dynamodb":
                    return forward(environ, body, start_response)
            return dispatcher(environ, start_response)

        self.server = make_server("127.0.0.1", 0, application, True, request_handler=MotoRequestHandler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d" % self.server.server_port

    @staticmethod
    def asked(service, environ, body):
        """The IAM actions and resources of one call (Service Authorization Reference)."""
        if service == "dynamodb":
            action, call = environ["HTTP_X_AMZ_TARGET"].split(".")[1], json.loads(body)
            table = lambda name: f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"
            if action == "TransactWriteItems":
                names = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
                for item in call["TransactItems"]:
                    for kind, operation in item.items():
                        yield "dynamodb:" + names[kind], table(operation["TableName"])
            else:
                index = "/index/" + call["IndexName"] if "IndexName" in call else ""
                yield "dynamodb:" + action, table(call["TableName"]) + index
        elif service == "sns":
            form = {k: v[0] for k, v in urllib.parse.parse_qs(body.decode()).items()}
            yield "sns:" + form["Action"], form.get("TopicArn", "*")
        elif service == "s3":
            path = urllib.parse.unquote(environ["PATH_INFO"].strip("/"))
            verb = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject"}[environ["REQUEST_METHOD"]]
            yield "s3:" + (verb if "/" in path else "ListBucket"), "arn:aws:s3:::" + path
        else:
            yield f"{service}:?", "*"


def allowed(role):
    """What a role allows: actions, and the resources that they may act on."""
    iam, may = boto3.client("iam"), []
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        document = ast.literal_eval(document) if isinstance(document, str) else document  # moto stores Python's notation of it
        for s in filter(None, document["Statement"]):  # AWS::NoValue leaves gaps
            listed = lambda v: v if isinstance(v, list) else [v]
            may += [(a, r) for a in listed(s["Action"]) for r in listed(s["Resource"])]
    return may


# ---- What AWS does between the functions -----------------------------------------------------


def as_lambda_has_it(value):
    """A time or a binary value of a record, as Lambda puts it into an event."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else int(value.timestamp())


class Stack:
    def __init__(self, build, calls, template, made):
        self.build, self.calls, self.template, self.made = build, calls, template, made
        self.functions = {}
        self.secret = "s" * 64
        self.id = boto3.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]["StackId"].split("/")[2]
        self.after = {}
        self.table()
        self.events = events = []

        def invoke(function, body, request_headers, response_headers):
            event = json.loads(body)
            if "Records" in event and "s3" in event["Records"][0]:
                events.append((function.function_name, event))
            return "taken"

        lambdas.LambdaFunction.invoke = invoke

    def function(self, name):
        if name not in self.functions:
            configured = boto3.client("lambda").get_function_configuration(FunctionName=self.made[name])["Environment"]["Variables"]
            told = {"CAFE_CURSOR_SECRET": "c" * 64, "CAFE_AUTH_SECRET": self.secret}
            environment = {k: str(told.get(k, v)) for k, v in configured.items()}
            check(f"{name} is told only what the stack can know", [k for k, v in environment.items() if "{{" in v or "${" in v], [])
            self.functions[name] = Function(
                self.build,
                name,
                environment | {"AWS_ENDPOINT_URL": self.calls.url, "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": name, "AWS_SECRET_ACCESS_KEY": "x"},
            )
        return self.functions[name]

    def token(self, role, subject):
        encode = lambda b: base64.urlsafe_b64encode(b).rstrip(b"=")
        claims = {"iss": "cafe-local", "aud": "cafe", "sub": subject, "role": role, "exp": int(time.time()) + 3600}
        signed = encode(b'{"alg":"HS256","typ":"JWT"}') + b"." + encode(json.dumps(claims).encode())
        return (signed + b"." + encode(hmac.new(self.secret.encode(), signed, hashlib.sha256).digest())).decode()

    def call(self, role, subject, method, path, body=None):
        """Makes a request as API Gateway does: it calls the authorizer, then the API."""
        headers = {"Authorization": "Bearer " + self.token(role, subject), "Content-Type": "application/json"}
        path, _, query = path.partition("?")
        context = {"stage": "v1", "requestId": "r-1", "httpMethod": method, "path": "/v1" + path}
        event = {"httpMethod": method, "path": path, "headers": headers, "multiValueHeaders": {k: [v] for k, v in headers.items()}, "multiValueQueryStringParameters": urllib.parse.parse_qs(query)}
        arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:abcdef1234/v1/{method}{path}"
        answer = self.function("AuthorizerFunction").invoke(dict(event, type="REQUEST", methodArn=arn, requestContext=context))
        policy = answer["policyDocument"]["Statement"][0]
        if policy["Effect"] != "Allow" or not any(fnmatch.fnmatchcase(arn, r) for r in policy["Resource"]):
            raise SystemExit(f"the authorizer answers {answer}")
        keys = [r["Properties"]["Value"]["Fn::Join"][1][1] for r in self.whole["Resources"].values() if r["Type"] == "AWS::ApiGateway::ApiKey"]
        known = [self.id.replace("-", "") + k for k in keys]
        if answer["usageIdentifierKey"] not in known:
            raise SystemExit(f"API Gateway has no key {answer['usageIdentifierKey']}")
        context["authorizer"] = {k: str(v) for k, v in answer["context"].items()}
        answer = self.function("ApiFunction").invoke(dict(event, body=body and json.dumps(body), requestContext=context))
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None

    def table(self):
        """Creates the table in DynamoDB Local."""
        keys = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode", "StreamSpecification")
        said = self.template["Resources"]["Table"]["Properties"]
        told = {k: said[k] for k in keys}
        told["GlobalSecondaryIndexes"] = [{k: v for k, v in index.items() if k != "WarmThroughput"} for index in told["GlobalSecondaryIndexes"]]
        told["StreamSpecification"] = dict(told["StreamSpecification"], StreamEnabled=True)
        here = boto3.client("dynamodb", endpoint_url=DYNAMODB)
        made = here.create_table(TableName=self.made["Table"], **told)["TableDescription"]
        self.stream = made["LatestStreamArn"]
        self.streams = boto3.client("dynamodbstreams", endpoint_url=DYNAMODB)

    def deliver(self):
        """Passes events on: the bucket's notifications, and the stream's records to the
        functions that are mapped to it, by their filters."""
        names = {self.made[r]: r for r in self.made if r.endswith("Function")}
        while self.events:
            name, event = self.events.pop(0)
            self.function(names[name]).invoke(event)
        mappings = [r["Properties"] for r in self.template["Resources"].values() if r["Type"] == "AWS::Lambda::EventSourceMapping" and "FilterCriteria" in r["Properties"]]  # the stream's; a queue's has none
        shard = self.streams.describe_stream(StreamArn=self.stream)["StreamDescription"]["Shards"][0]["ShardId"]
        more = True
        while more:
            more = False
            for mapping in mappings:
                function = mapping["FunctionName"]["Ref"]
                start = self.streams.get_shard_iterator(StreamArn=self.stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
                records = self.streams.get_records(ShardIterator=start)["Records"]
                new = [r for r in records if int(r["dynamodb"]["SequenceNumber"]) > self.after.get(function, -1)]
                wanted = [r for r in new if self.lets(mapping["FilterCriteria"], r)]
                if new:
                    self.after[function], more = int(new[-1]["dynamodb"]["SequenceNumber"]), True
                if wanted:
                    event = {"Records": json.loads(json.dumps(wanted, default=as_lambda_has_it))}
                    answer = self.function(function).invoke(event)
                    if answer.get("batchItemFailures"):
                        raise SystemExit(f"{function} answers {answer} to {event}")

    @staticmethod
    def lets(criteria, record):
        """Filters events by equality and prefix (Lambda Developer Guide)."""

        def matches(pattern, value):
            if isinstance(pattern, dict):
                return isinstance(value, dict) and all(matches(p, value.get(k)) for k, p in pattern.items())
            return any(isinstance(value, str) and value.startswith(p["prefix"]) if isinstance(p, dict) else p == value for p in pattern)

        return any(matches(json.loads(f["Pattern"]), record) for f in criteria["Filters"])

    def messages(self, name):
        sqs, bodies = boto3.client("sqs"), []
        url = self.made.get(name, name)
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for m in found:
                bodies.append(json.loads(m["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=m["ReceiptHandle"])
        return bodies

    def subscribe(self):
        sns = boto3.client("sns")
        for r in self.whole["Resources"].values():
            p = r.get("Properties", {})
            if r["Type"] == "AWS::SNS::Subscription" and p["Protocol"] == "sqs":
                queue_arn = boto3.client("sqs").get_queue_attributes(QueueUrl=self.made[p["Endpoint"]["Fn::GetAtt"][0]], AttributeNames=["QueueArn"])
                attributes = {k: json.dumps(p[k]) for k in ["FilterPolicy"] if k in p}
                sns.subscribe(TopicArn=self.made[p["TopicArn"]["Ref"]], Protocol="sqs", Endpoint=queue_arn["Attributes"]["QueueArn"], Attributes=attributes)

    def notify(self):
        """Sets up the bucket's notifications, which moto leaves out when it creates the bucket."""
        said = self.template["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"]

        def told(notice, kind, arn):
            rules = notice["Filter"]["S3Key"]["Rules"]
            return {kind: arn, "Events": [notice["Event"]], "Filter": {"Key": {"FilterRules": rules}}}

        names = {r: boto3.client("lambda").get_function_configuration(FunctionName=self.made[r])["FunctionArn"] for r in self.made if r.endswith("Function")}
        boto3.client("s3").put_bucket_notification_configuration(
            Bucket=self.made["Bucket"],
            NotificationConfiguration={
                "LambdaFunctionConfigurations": [told(n, "LambdaFunctionArn", names[n["Function"]["Fn::GetAtt"][0]]) for n in said["LambdaConfigurations"]],
                "TopicConfigurations": [told(n, "TopicArn", self.made[n["Topic"]["Ref"]]) for n in said["TopicConfigurations"]],
            },
        )

    def audit(self):
        """Compares what each function did with what its role allows."""
        done = {}
        for who, action, resource in self.calls.made:
            done.setdefault(who, set()).add((action, resource))
        for name in sorted(done):
            role = boto3.client("lambda").get_function_configuration(FunctionName=self.made[name])["Role"].split("/")[-1]
            may = allowed(role)
            refused = [d for d in done[name] if not any(d[0] == a and fnmatch.fnmatchcase(d[1], r) for a, r in may)]
            check(f"the role of {name} lets it do its {len(done[name])} kinds of calls", refused, [])
            unused = {a for a, r in may if not a.startswith(("logs:", "xray:", "kms:")) and "stream" not in r} - {a for a, _ in done[name]}
            print(f"   not seen here: {', '.join(sorted(unused)) or 'nothing'}")

    def close(self):
        for f in self.functions.values():
            f.close()


# ---- The story ----------------------------------------------------------------------------


def story(stack):
    check("a menu item is made", stack.call("staff", "sam", "PUT", "/menu/latte", {"name": "Latte", "category": "coffee", "price": 350, "options": [], "counted": False, "active": True})[0], 201)
    check("and a counted one", stack.call("staff", "sam", "PUT", "/menu/brownie", {"name": "Brownie", "category": "cake", "price": 280, "options": [], "counted": True, "active": True})[0], 201)
    check("of which there is one", stack.call("staff", "sam", "PUT", "/stock/brownie", {"on_hand": 1})[0], 200)
    for name, limit in (("alice", 500), ("bob", 100)):
        profile = {"name": name.title(), "email": f"{name}@example.com", "credit_limit": limit, "notify": name == "bob"}
        check(f"{name} may owe {limit}", stack.call("owner", "olivia", "PUT", f"/customers/{name}", profile)[0], 201)
    status, order = stack.call("customer", "alice", "POST", "/orders", {"lines": [{"sku": "latte", "quantity": 2}]})
    check("alice orders two lattes", (status, order["total"]), (201, 700))
    status, order = stack.call("customer", "bob", "POST", "/orders", {"lines": [{"sku": "brownie", "quantity": 1}]})
    check("bob orders the last brownie", (status, order["total"]), (201, 280))
    stack.deliver()
    check("the stream brings alice's balance up to date", stack.call("customer", "alice", "GET", "/customers/alice")[1]["balance"], 700)
    told = [json.loads(m["Message"]) for m in stack.messages("CustomerNotify")]
    check("both alerts go to CustomerNotify", sorted((m["customer_id"], m["balance"]) for m in told), [("alice", 700), ("bob", 280)])
    told = [json.loads(m["Message"]) for m in stack.messages("CreditCollection")]
    check("bob's, above twice the limit, goes to CreditCollection, too", [m["customer_id"] for m in told], ["bob"])
    sns = boto3.client("sns")
    own = [s for s in sns.list_subscriptions_by_topic(TopicArn=stack.made["HighBalanceAlert"])["Subscriptions"] if s["Protocol"] == "email"]
    check("bob is asked whether he wants mail", [s["Endpoint"] for s in own], ["bob@example.com"])
    check("a payment is taken", stack.call("staff", "sam", "POST", "/customers/bob/payments", {"amount": 280})[0], 201)
    profile = {"name": "Bob", "email": "bob@example.com", "credit_limit": 100, "notify": False}
    check("bob wants no mail any more", stack.call("owner", "olivia", "PUT", "/customers/bob", profile)[0], 200)
    stack.deliver()
    check("the payment is posted", stack.call("customer", "bob", "GET", "/customers/bob")[1]["balance"], 0)
    schedule = stack.whole["Resources"]["SweepSchedule"]["Properties"]["Target"]
    check("the sweep goes to", schedule["Arn"]["Fn::GetAtt"][0], "NotifierFunction")
    stack.function("NotifierFunction").invoke(json.loads(schedule["Input"]))

    status, upload = stack.call("staff", "sam", "POST", "/imports", {"kind": "orders", "name": "till & co.csv"})
    check("an upload is asked for", status, 201)
    address = urllib.parse.urlsplit(upload["upload_url"])
    csv = "order_id,ordered_at,item,quantity\\n1,2017-03-18 09:58:11,latte,1\\n2,2017-03-18 10:00:00,unknown,1\\n".replace("\\n", "\n")
    with urllib.request.urlopen(urllib.request.Request(upload["upload_url"], data=csv.encode(), method="PUT", headers={"Content-Type": "text/csv"})) as put:
        check("the file is put where it was told", put.status, 200)
    bucket = stack.made["Bucket"]
    key = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix="imports/")["Contents"][0]["Key"]
    check("that is in the bucket", urllib.parse.unquote(address.path), f"/{bucket}/{key}")
    check("of which the importer is told", [stack.made["ImporterFunction"] in name for name, _ in stack.events], [True])
    stack.deliver()
    status, done = stack.call("staff", "sam", "GET", "/imports/" + upload["id"])
    check("the good order is in, the bad one out", (done["status"], done["created"], done["rejected"]), ("done", 1, 1))
    stack.function("ImporterFunction").invoke(json.loads((ROOT / "events" / "importer-test-event.json").read_text(encoding="utf-8")))
    check("an order is read over the index", len(stack.call("staff", "sam", "GET", "/orders?customer_id=alice")[1]["orders"]), 1)
    check("nothing has drifted", stack.call("owner", "olivia", "POST", "/reconcile")[1]["drifted"], [])


def machine(stack, reporter, given):
    """Runs the state machine in moto, with a stand-in for the reporter. Returns how it ended."""
    sfn = boto3.client("stepfunctions")
    simple.LambdaSimpleBackend.invoke = reporter
    name = f"run-{time.monotonic_ns()}"
    arn = sfn.start_execution(stateMachineArn=stack.made["ReportMachine"], name=name, input=json.dumps(given))["executionArn"]
    for _ in range(600):
        ended = sfn.describe_execution(executionArn=arn)
        if ended["status"] != "RUNNING":
            return ended
        time.sleep(0.1)
    raise SystemExit("the state machine does not end")


def report(stack):
    # In moto, state machines run in another part than the one its CloudFormation fills.
    values = {"Partition": "aws", "DailyReport": stack.made["DailyReport"]}
    values["Reporter"] = boto3.client("lambda").get_function_configuration(FunctionName=stack.made["ReporterFunction"])["FunctionArn"]
    said = next(r["Properties"] for r in stack.template["Resources"].values() if r["Type"] == "AWS::StepFunctions::StateMachine")
    check("the state machine is told", sorted(said["DefinitionSubstitutions"]), sorted(values))
    definition = (ROOT / "statemachine" / "report.asl.json").read_text(encoding="utf-8")
    for name, value in values.items():
        definition = definition.replace("${%s}" % name, value)
    stack.made["ReportMachine"] = boto3.client("stepfunctions").create_state_machine(name="report", definition=definition, roleArn=f"arn:aws:iam::{ACCOUNT}:role/report")["stateMachineArn"]
    retrier.time = type("Clock", (), {"sleep": staticmethod(lambda _: None)})
    steps = []

    def good(self, function_name, qualifier, body, headers, response_headers):
        steps.append(json.loads(body))
        day = {"day": steps[-1]["day"] or "2017-03-18"}
        return json.dumps(day if steps[-1]["step"] == "extract" else dict(day, revision=3, waits=False)).encode()

    ended = machine(stack, good, {})
    made = {"day": "2017-03-18", "round": 0, "made": {"revision": 3}, "sent": {"waits": False}}
    check("the report is made", (ended["status"], json.loads(ended.get("output", "null"))), ("SUCCEEDED", made))
    check("step by step", [s["step"] for s in steps], ["extract", "analyse", "publish"])
    check("of the day that it is", (steps[0]["day"], bool(re.match(r"\d{4}-\d\d-\d\dT", steps[0]["at"]))), ("", True))
    check("and that is handed on", steps[1:], [{"step": "analyse", "day": "2017-03-18"}, {"step": "publish", "day": "2017-03-18", "revision": 3}])
    steps.clear()
    machine(stack, good, {"day": "2017-03-01"})
    check("a report can be made of a day given by hand", [s["day"] for s in steps], ["2017-03-01"] * 3)

    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    mail = sqs.create_queue(QueueName="mail")["QueueUrl"]
    sns.subscribe(TopicArn=stack.made["DailyReport"], Protocol="sqs", Endpoint=sqs.get_queue_attributes(QueueUrl=mail, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
    fails = {"analyse": 2}

    def shaky(self, function_name, qualifier, body, headers, response_headers):
        step = json.loads(body)["step"]
        if fails.get(step, 0) > 0:
            fails[step] -= 1
            response_headers["x-amz-function-error"] = "Unhandled"
            return b'{"errorMessage":"table is throttled","errorType":"wrapError"}'
        return good(self, function_name, qualifier, body, headers, response_headers)

    steps.clear()
    check("a step that fails twice is tried a third time", machine(stack, shaky, {})["status"], "SUCCEEDED")
    check("and nobody is bothered", stack.messages(mail), [])
    fails["analyse"] = 1000
    ended = machine(stack, shaky, {})
    check("a step that goes on failing fails the report", (ended["status"], ended["error"]), ("FAILED", "wrapError"))
    check("after four tries", fails["analyse"], 996)
    told = stack.messages(mail)
    check("the owner is told, once", [m["Subject"] for m in told], ["The daily report could not be made"])
    check("and why", "table is throttled" in told[0]["Message"])

    real = lambda self, function_name, qualifier, body, headers, response_headers: json.dumps(stack.function("ReporterFunction").invoke(json.loads(body))).encode()
    ended = machine(stack, real, {"day": "2017-03-18"})
    check("the reporter itself makes the report of the imported day", ended["status"], "SUCCEEDED")
    stack.deliver()
    told = stack.messages(mail)
    check("and it is mailed", len(told), 1)
    print("  ", told[0].get("Subject"))

    answer = stack.function("ReporterFunction").invoke({"step": "reconcile"})
    check("the reporter finds nothing to reconcile", answer["reconciled"] | {"customers": 0}, {"customers": 0, "drifts": 0, "drifted": [], "repaired": 0, "unreadable": 0})


def main():
    if not DYNAMODB:
        raise SystemExit('AWS_ENDPOINT_URL_DYNAMODB is not set: eval "$(.ci/dynamodb-local env)"')
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".aws-sam" / "build").resolve()
    options = {"lambda": {"use_docker": False}, "stepfunctions": {"execute_state_machine": True}}
    for parameters in ({}, {"CustomerManagedKey": "true", "Firewall": "true", "Protection": "true", "OperatorsEmail": "operators@example.com", "Rollout": "Canary10Percent5Minutes", "QueueReaders": "true", "MonthlyBudget": "50", "WarmWrites": "8000", "EventBus": "shop"}):
        with mock_aws(config=options):
            deploy(**parameters)
    with mock_aws(config=options), contextlib.ExitStack() as later:
        parameters = {"Identity": "secret", "OwnerEmail": "owner@example.com"}
        calls = Calls()
        template, made, _ = deploy(**parameters)
        stack = Stack(build, calls, template, made)
        stack.whole = transform.transform(parameters)
        later.callback(stack.close)
        logging.disable(logging.CRITICAL)  # moto logs the failures that are part of the story
        stack.subscribe()
        stack.notify()
        story(stack)
        report(stack)
        stack.audit()
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main()
