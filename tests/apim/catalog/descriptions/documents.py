"""Descriptions of every style, of one harbour, that the tests read and spoil."""

import io
import zipfile

SWAGGER = """\
swagger: "2.0"
info: {title: Tides, version: 1.2.0}
host: api.example.com
basePath: /v1/
schemes: [http, https]
consumes: [application/json]
produces: [application/json]
securityDefinitions:
  key: {type: apiKey, name: X-Key, in: header}
  plain: {type: basic, description: A password}
  grant:
    type: oauth2
    flow: accessCode
    authorizationUrl: https://example.com/authorize
    tokenUrl: https://example.com/token
    scopes: {read: Read tides}
security: [{key: []}]
parameters:
  Day: {name: day, in: query, type: string, format: date}
  Tide: {name: tide, in: body, required: true, schema: {$ref: "#/definitions/Tide"}}
responses:
  Gone: {description: Gone, schema: {$ref: "#/definitions/Problem"}}
paths:
  /tides/{port}:
    parameters:
      - {name: port, in: path, required: true, type: string, maxLength: 5}
    get:
      operationId: list_tides
      tags: [Tides]
      deprecated: true
      parameters:
        - $ref: "#/parameters/Day"
        - {name: kinds, in: query, type: array, items: {type: string}, collectionFormat: pipes}
        - {name: ids, in: query, type: array, items: {type: integer}, collectionFormat: multi}
        - {name: odd, in: query, type: array, items: {type: integer}, collectionFormat: tsv}
        - {name: X-Parts, in: header, type: array, items: {type: string}, x-example: a}
      responses:
        200:
          description: Tides
          schema: {type: array, items: {$ref: "#/definitions/Tide"}}
          headers: {X-Left: {type: integer, description: Calls left}}
          examples: {application/json: [{height: 1.5}]}
        410: {$ref: "#/responses/Gone"}
    put:
      consumes: [application/json, application/xml]
      parameters: [{$ref: "#/parameters/Tide"}]
      responses: {204: {description: Stored}}
    post:
      schemes: [https]
      consumes: [multipart/form-data]
      parameters:
        - {name: chart, in: formData, type: file, required: true, description: A picture}
        - {name: labels, in: formData, type: array, items: {type: string}, collectionFormat: multi}
      produces: [image/png]
      responses: {200: {description: The chart, schema: {type: file}}}
definitions:
  Tide:
    type: object
    discriminator: kind
    required: [kind]
    properties:
      kind: {type: string}
      height: {type: number, x-nullable: true}
      next: {$ref: "#/definitions/Tide"}
  Problem: {type: object}
"""

ASYNCAPI_2 = """\
asyncapi: 2.6.0
info: {title: Harbour news, version: 2.0.0, description: What happens.}
defaultContentType: application/json
servers:
  live: {url: "broker.example.com:{port}/in", protocol: mqtt, variables: {port: {default: "1883"}}}
tags: [{name: Ships, description: Coming and going}]
channels:
  ships/{berth}:
    description: One berth.
    parameters: {berth: {schema: {type: string}}}
    subscribe:
      operationId: shipArrived
      summary: A ship has arrived
      tags: [{name: Ships}]
      message:
        oneOf:
          - $ref: "#/components/messages/Arrival"
          - {name: departure, payload: {type: object}, contentType: application/cbor}
    publish:
      message: {$ref: "#/components/messages/Arrival"}
      deprecated: true
components:
  messageTraits:
    traced: {headers: {type: object, properties: {trace: {type: string}}}, summary: From the trait}
  messages:
    Arrival:
      title: Arrival
      traits: [{$ref: "#/components/messageTraits/traced"}]
      payload: {$ref: "#/components/schemas/Ship"}
      examples: [{payload: {name: Ada}}]
  schemas:
    Ship: {type: object, properties: {name: {type: string}, $ref: {type: string}}}
"""

ASYNCAPI_3 = """\
asyncapi: 3.0.0
info: {title: Harbour news, version: 3.0.0, tags: [{name: Ships}]}
servers:
  live: {host: broker.example.com, pathname: /in, protocol: amqps}
channels:
  berth:
    address: ships/{berth}
    parameters: {berth: {description: Which}}
    messages:
      arrival: {$ref: "#/components/messages/Arrival"}
      gone: {payload: {schemaFormat: application/vnd.apache.avro;version=1.9.0, schema: {type: record}}}
  replies: {address: null, messages: {reply: {payload: {type: string}}}}
operations:
  shipArrived:
    action: send
    channel: {$ref: "#/channels/berth"}
    messages: [{$ref: "#/channels/berth/messages/arrival"}]
  shipGone: {action: send, channel: {$ref: "#/channels/berth"}, title: Gone}
  answer: {action: receive, channel: {$ref: "#/channels/replies"}}
components:
  messages: {Arrival: {title: Arrival, contentType: application/json, payload: {type: object}}}
"""

GRAPHQL = '''\
"""All about the harbour."""
schema { query: Query  mutation: Change }

"What can be asked"
type Query {
  "A ship by its name. Costs nothing."
  ship(name: String! = "Ada", kinds: [Kind!] = [CARGO]): Ship
  """
  Berths,
    indented
  """
  berths(free: Boolean): [[Berth!]]! @deprecated(reason: "Use ship")
}
type Change { berth(input: BerthInput!): Berth }
interface Named { name: String! }
type Ship implements Named & Placed @key(fields: "name") { name: String!, at: Berth, kind: Kind }
interface Placed { at: Berth }
type Berth { number: Int! inside: Place }
union Place = | Ship | Berth
enum Kind { CARGO FERRY @deprecated }
input BerthInput { number: Int! = 1, note: String }
scalar Date @specifiedBy(url: "https://example.com")
directive @key(fields: String!) repeatable on OBJECT | INTERFACE
extend type Ship { built: Date }
'''

PROTO = """\
// Copyright of nobody.

syntax = "proto3";
package harbour.v1;

import "google/protobuf/timestamp.proto";
import "google/api/annotations.proto";

// Tells of ships.
// And of berths.
service Ships {
  // One ship.
  rpc Get(GetRequest) returns (Ship) {
    option (google.api.http) = { get: "/v1/{name=ships/*}" additional_bindings { get: "/x" } };
    option deprecated = true;
  }
  rpc Watch(stream GetRequest) returns (stream .harbour.v1.Ship);
}

message GetRequest {
  string name = 1; // its name
  repeated int32 ids = 2 [deprecated = true, (validate.rules) = {repeated: {min_items: 1}}];
  map<string, Ship> by_name = 3;
  oneof where { string port = 4; Ship.Kind kind = 5; }
  optional int32 limit = 6;
  reserved 7, 9 to 11, 20 to max;
  reserved "old";
}
message Ship {
  enum Kind {
    UNKNOWN = 0;
    FERRY = 1 [deprecated = true];
  }
  Kind kind = 1;
  google.protobuf.Timestamp arrived_at = 2;
  Hold hold = 3;
  message Hold { Kind kind = 1; }
}
"""

WSDL = """\
<?xml version="1.0" encoding="utf-8"?>
<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
    xmlns:s12="http://schemas.xmlsoap.org/wsdl/soap12/" xmlns:h="http://schemas.xmlsoap.org/wsdl/http/"
    xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:t="urn:harbour" targetNamespace="urn:harbour">
  <w:types>
    <xs:schema targetNamespace="urn:harbour" elementFormDefault="qualified">
      <xs:element name="GetShip"><xs:complexType><xs:sequence>
        <xs:element name="name" type="xs:string"/>
        <xs:element name="day" type="xs:date" minOccurs="0"/>
      </xs:sequence></xs:complexType></xs:element>
      <xs:element name="GetShipResponse" type="t:Ship" nillable="true"/>
      <xs:complexType name="Named"><xs:sequence><xs:element name="name" type="xs:string"/></xs:sequence></xs:complexType>
      <xs:complexType name="Ship">
        <xs:annotation><xs:documentation>A ship.</xs:documentation></xs:annotation>
        <xs:complexContent><xs:extension base="t:Named">
          <xs:sequence>
            <xs:element name="kind" type="t:Kind" maxOccurs="unbounded"/>
            <xs:element name="next" type="t:Ship" minOccurs="0"/>
            <xs:choice><xs:element name="berth" type="xs:int"/><xs:element name="sea" type="xs:string"/></xs:choice>
          </xs:sequence>
          <xs:attribute name="id" type="xs:positiveInteger" use="required"/>
        </xs:extension></xs:complexContent>
      </xs:complexType>
      <xs:simpleType name="Kind"><xs:restriction base="xs:string">
        <xs:enumeration value="cargo"/><xs:enumeration value="ferry"/>
      </xs:restriction></xs:simpleType>
    </xs:schema>
  </w:types>
  <w:message name="GetShipIn"><w:part name="body" element="t:GetShip"/></w:message>
  <w:message name="GetShipOut"><w:part name="body" element="t:GetShipResponse"/></w:message>
  <w:portType name="Ships"><w:operation name="GetShip">
    <w:documentation>Finds a ship by its name. Slow.</w:documentation>
    <w:input message="t:GetShipIn"/><w:output message="t:GetShipOut"/>
    <w:fault name="lost" message="t:GetShipOut"/>
  </w:operation></w:portType>
  <w:binding name="Soap" type="t:Ships"><s:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
    <w:operation name="GetShip"><s:operation soapAction="urn:harbour/GetShip"/></w:operation></w:binding>
  <w:binding name="Soap12" type="t:Ships"><s12:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <w:operation name="GetShip"><s12:operation soapAction="urn:harbour/GetShip"/></w:operation></w:binding>
  <w:binding name="Get" type="t:Ships"><h:binding verb="GET"/>
    <w:operation name="GetShip"><h:operation location="/GetShip"/></w:operation></w:binding>
  <w:service name="Harbour">
    <w:documentation>Ships and berths.</w:documentation>
    <w:port name="HarbourSoap" binding="t:Soap"><s:address location="https://soap.example.com/harbour.asmx"/></w:port>
    <w:port name="HarbourSoap12" binding="t:Soap12"><s12:address location="https://soap.example.com/harbour.asmx"/></w:port>
    <w:port name="HarbourGet" binding="t:Get"><h:address location="https://soap.example.com/harbour.asmx"/></w:port>
  </w:service>
</w:definitions>
"""

PROSE = """\
---
layout: page
---
# The *harbour* master

![A badge](https://example.com/badge.svg)

Ask [the master](https://example.com) for a berth. By telephone.

```
# No heading
| Method | Path |
|---|---|
| GET | /no-operation |
```

| Method | Path | Purpose |
|--------|------|---------|
| `GET`  | `/berths?free=1` | Free berths |
| POST   | /berths/{number} | Take one |
| GET    | berths | no path |
"""


def zipped(files, compression=zipfile.ZIP_DEFLATED):
    """A zip of name and text or bytes; a ZipInfo may stand for a name."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", compression) as archive:
        for name, content in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, content)
    return target.getvalue()
